/// The values that an engine last reported on its metrics page.
package struct EndpointMetrics: Equatable, Sendable {
  /// Requests in the engine's waiting queue.
  package var waitingRequests: Int
  /// Requests in the engine's running batch.
  package var runningRequests: Int
  /// Share of the KV cache in use, 0...1.
  package var kvCacheUsage: Double
  /// Tokens in a block of the KV cache; nil when the engine does not say.
  package var cacheBlockTokens: Int?
  /// Blocks in the KV cache; nil when the engine does not say.
  package var cacheBlocks: Int?
  /// Load metrics that the last page did not have. A missing metric is unknown, not zero.
  package var missing: LoadFamilies
  /// LoRA adapters: the maximum, those running and those waiting.
  package var loRA: LoRAState
  /// Tokens looked up in the engine's own prefix cache since the engine started; nil when not exported.
  package var prefixCacheQueriedTokens: UInt64?
  /// Tokens found in the engine's own prefix cache since the engine started; nil when not exported.
  package var prefixCacheHitTokens: UInt64?
  /// Start of the engine's process in seconds since 1970; nil when not exported. A changed value means a new process with an
  /// empty cache.
  package var processStartTime: Double?
  /// Further numbers of the endpoint; none where no data source is configured that has any. A value that does not come any
  /// more stays.
  package var attributes: EndpointAttributes
  /// When the scrape that brought these values was started; nil before the first successful one.
  package var scrapedAt: MonotonicTime?
  /// `EndpointLoad.totals` when the scrape was started: requests dispatched later are not on the page.
  package var dispatchedAtScrape: EndpointLoad.Totals
  /// Requests whose end is seen that were dispatched between the start of the scrape before and the start of the last one. Some of them
  /// may not have reached the engine when it wrote the page.
  package var recentDispatches: Int

  /// An idle engine that was never scraped.
  package init() {
    waitingRequests = 0
    runningRequests = 0
    kvCacheUsage = 0
    cacheBlockTokens = nil
    cacheBlocks = nil
    missing = []
    loRA = LoRAState()
    prefixCacheQueriedTokens = nil
    prefixCacheHitTokens = nil
    processStartTime = nil
    attributes = EndpointAttributes()
    scrapedAt = nil
    dispatchedAtScrape = EndpointLoad.Totals()
    recentDispatches = 0
  }

  /// Tokens that the engine's KV cache holds; nil when the engine does not say.
  package var cacheCapacityTokens: Int? {
    guard let cacheBlocks, let cacheBlockTokens else { return nil }
    let (tokens, overflow) = cacheBlocks.multipliedReportingOverflow(by: cacheBlockTokens)
    return overflow ? nil : tokens
  }

  /// A set of the metrics that make up an endpoint's load.
  package struct LoadFamilies: OptionSet, Equatable, Sendable {
    /// One bit for each metric.
    package let rawValue: UInt8
    /// The number of waiting requests.
    package static let waitingRequests = LoadFamilies(rawValue: 1)
    /// The number of running requests.
    package static let runningRequests = LoadFamilies(rawValue: 2)
    /// The share of the KV cache in use.
    package static let kvCacheUsage = LoadFamilies(rawValue: 4)

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// The number of metrics in the set.
    package var count: Int { rawValue.nonzeroBitCount }

    /// The metrics' names for the log, separated by commas.
    package var names: String {
      let names = [
        (LoadFamilies.waitingRequests, "waiting requests"), (.runningRequests, "running requests"),
        (.kvCacheUsage, "KV cache usage"),
      ]
      return names.filter { contains($0.0) }.map(\.1).joined(separator: ", ")
    }
  }
}
