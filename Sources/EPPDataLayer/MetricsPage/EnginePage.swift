package import EPPCore

/// The values of one complete metrics page. A value is nil where the page has no usable sample of it.
///
/// A page may have several series of one family: one per engine, model or data-parallel rank behind the address. The
/// gateway picks an endpoint as a whole, so counts, counters and cache blocks are summed and the usage is the mean
/// (the llm-d EPP reads one series and ignores the others). Attributes are read as in llm-d, since nobody knows how to add them.
package struct EnginePage: Equatable, Sendable {
  /// Requests in the engine's queue, summed over series.
  package var waitingRequests: Int?
  /// Requests in the engine's batch, summed over series.
  package var runningRequests: Int?
  /// Used share of the KV cache, 0...1, the mean over series.
  package var kvCacheUsage: Double?
  /// Tokens of a KV cache block, of the first series that has them.
  package var cacheBlockTokens: Int?
  /// Blocks of the KV cache, summed over series.
  package var cacheBlocks: Int?
  /// Running and waiting LoRA adapters; nil when the page has no series of the family, because the engine serves no adapters.
  package var loRA: LoRAState?
  /// Prompt tokens looked up in the prefix cache since the engine started, summed over series.
  package var prefixCacheQueriedTokens: UInt64?
  /// Prompt tokens found in the prefix cache since the engine started, summed over series.
  package var prefixCacheHitTokens: UInt64?
  /// Start time of the engine's process, in seconds since 1970.
  package var processStartTime: Double?
  /// Values of the metrics that are configured to become attributes.
  package var attributes = EndpointAttributes()
  /// Load metrics that were not looked for on the page.
  package var unread: EndpointMetrics.LoadFamilies = []

  package init() {}

  /// Returns the metrics of an endpoint updated with this page. A value that the page lacks keeps its old value; a load family
  /// that the page lacks is added to `missing`. Each family is read independently, so that an engine which drops one keeps the
  /// others.
  ///
  /// - Parameters:
  ///   - old: The metrics before this page.
  ///   - scrapedAt: When the scrape was started.
  ///   - dispatched: Totals of the endpoint's load when the scrape was started.
  package func updating(
    _ old: EndpointMetrics, scrapedAt: MonotonicTime, dispatched: EndpointLoad.Totals
  ) -> EndpointMetrics {
    var metrics = old
    metrics.missing = []
    if waitingRequests == nil { metrics.missing.insert(.waitingRequests) }
    if runningRequests == nil { metrics.missing.insert(.runningRequests) }
    if kvCacheUsage == nil { metrics.missing.insert(.kvCacheUsage) }
    if let waitingRequests { metrics.waitingRequests = waitingRequests }
    if let runningRequests { metrics.runningRequests = runningRequests }
    if let kvCacheUsage { metrics.kvCacheUsage = kvCacheUsage }
    if let cacheBlockTokens { metrics.cacheBlockTokens = cacheBlockTokens }
    if let cacheBlocks { metrics.cacheBlocks = cacheBlocks }
    metrics.loRA = loRA ?? LoRAState()
    if let prefixCacheQueriedTokens { metrics.prefixCacheQueriedTokens = prefixCacheQueriedTokens }
    if let prefixCacheHitTokens { metrics.prefixCacheHitTokens = prefixCacheHitTokens }
    if let processStartTime { metrics.processStartTime = processStartTime }
    if !attributes.isEmpty { metrics.attributes.merge(attributes) }
    metrics.scrapedAt = scrapedAt
    metrics.recentDispatches = Int(clamping: dispatched.requests &- old.dispatchedAtScrape.requests)
    metrics.dispatchedAtScrape = dispatched
    return metrics
  }
}
