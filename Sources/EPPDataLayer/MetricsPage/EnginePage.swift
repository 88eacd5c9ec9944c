package import EPPCore

/// What one complete metrics page says; nil where the page says nothing usable.
///
/// A page may carry several series of one family: one per engine, model or data-parallel rank behind the address. The
/// endpoint is what the gateway can pick, so counts, counters and cache blocks are summed and the usage is the mean
/// (the llm-d EPP takes one series and leaves the others).
package struct EnginePage: Equatable, Sendable {
  /// Summed over series.
  package var waitingRequests: Int?
  /// Summed over series.
  package var runningRequests: Int?
  /// 0...1, the mean over series.
  package var kvCacheUsage: Double?
  /// Of the first series that says so.
  package var cacheBlockTokens: Int?
  /// Summed over series.
  package var cacheBlocks: Int?
  /// Nil when the page has no series of the LoRA family: then the engine serves no adapters.
  package var loRA: EndpointMetrics.LoRAState?
  /// Since the engine started, summed over series.
  package var prefixCacheQueriedTokens: UInt64?
  /// Since the engine started, summed over series.
  package var prefixCacheHitTokens: UInt64?
  /// Seconds since 1970 at which the engine's process began.
  package var processStartTime: Double?

  package init() {}

  /// The metrics of an endpoint after this page. A number that the page lacks stays as it was, and one of the load counts as
  /// missing: each family is read for itself, so that an engine which drops one of them keeps the others.
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
    metrics.loRA = loRA ?? EndpointMetrics.LoRAState()
    if let prefixCacheQueriedTokens { metrics.prefixCacheQueriedTokens = prefixCacheQueriedTokens }
    if let prefixCacheHitTokens { metrics.prefixCacheHitTokens = prefixCacheHitTokens }
    if let processStartTime { metrics.processStartTime = processStartTime }
    metrics.scrapedAt = scrapedAt
    metrics.dispatchedAtScrape = dispatched
    return metrics
  }
}
