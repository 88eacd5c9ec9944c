/// What an engine last said of itself on its metrics page.
package struct EndpointMetrics: Equatable, Sendable {
  /// Requests in the engine's waiting queue.
  package var waitingRequests: Int
  /// Requests in the engine's running batch.
  package var runningRequests: Int
  /// Share of the KV cache in use, 0...1.
  package var kvCacheUsage: Double
  /// Tokens in a block of the KV cache; nil when the engine does not say.
  package var cacheBlockTokens: Int?
  /// Blocks in the KV cache.
  package var cacheBlocks: Int?
  /// Numbers of the load that the last page did not have: what is not known is not zero.
  package var missing: LoadFamilies
  /// LoRA adapters: how many fit, which run, which wait.
  package var loRA: LoRAState
  /// Tokens looked up in the engine's own prefix cache since it started, and tokens found there; nil when not exported.
  package var prefixCacheQueriedTokens: UInt64?
  package var prefixCacheHitTokens: UInt64?
  /// Seconds since 1970 at which the engine's process began: another value is another process, with an empty cache.
  package var processStartTime: Double?
  /// When the scrape that brought this was started; nil before the first good one.
  package var scrapedAt: MonotonicTime?
  /// `EndpointLoad.Totals` as they stood when that scrape was started: what was dispatched later is not in the page.
  package var dispatchedAtScrape: EndpointLoad.Totals

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
    scrapedAt = nil
    dispatchedAtScrape = EndpointLoad.Totals()
  }

  /// Tokens that the engine's KV cache holds; nil when the engine does not say.
  package var cacheCapacityTokens: Int? {
    guard let cacheBlocks, let cacheBlockTokens else { return nil }
    let (tokens, overflow) = cacheBlocks.multipliedReportingOverflow(by: cacheBlockTokens)
    return overflow ? nil : tokens
  }

  /// The numbers that make up an endpoint's load.
  package struct LoadFamilies: OptionSet, Equatable, Sendable {
    package let rawValue: UInt8
    package static let waitingRequests = LoadFamilies(rawValue: 1)
    package static let runningRequests = LoadFamilies(rawValue: 2)
    package static let kvCacheUsage = LoadFamilies(rawValue: 4)

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    package var count: Int { rawValue.nonzeroBitCount }

    /// For the log.
    package var names: String {
      let names = [
        (LoadFamilies.waitingRequests, "waiting requests"), (.runningRequests, "running requests"),
        (.kvCacheUsage, "KV cache usage"),
      ]
      return names.filter { contains($0.0) }.map(\.1).joined(separator: ", ")
    }
  }

  /// LoRA adapters of an engine (`vllm:lora_requests_info`).
  package struct LoRAState: Equatable, Sendable {
    /// How many adapters can be loaded at once; 0 when LoRA is off or not reported.
    package var maximum = 0
    /// Adapters with a running request.
    package var running: [String] = []
    /// Adapters with a waiting request.
    package var waiting: [String] = []

    package init(maximum: Int = 0, running: [String] = [], waiting: [String] = []) {
      self.maximum = maximum
      self.running = running
      self.waiting = waiting
    }

    /// Slots that are taken or will be: vLLM lists an adapter in both places when requests for it run and wait.
    package var usedSlots: Int { running.count + waiting.count { !running.contains($0) } }
  }
}
