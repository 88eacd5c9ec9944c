package import EPPCore

/// A simulated inference engine without a model. A value without I/O: the owner reports events with their times, and performs
/// the returned actions.
///
/// It works in steps, like vLLM's scheduler. A step computes one token for every decoding request and, with the rest of the
/// token budget, prompts in the order of their arrival. It takes
///
///     prompt tokens / prefill rate + (inter-token latency, when a request decodes)
///
/// At its end every request whose tokens are all computed gets one more token, and the KV events of the step are published.
/// Tokens found in the prefix cache are not computed, except the last token of a prompt. The owner calls `advance` no later
/// than at `nextDeadline`, and uses the engine on one thread at a time.
package struct SimulatedEngine: Sendable {
  /// The options of the engine.
  package let options: EngineOptions
  /// The blocks of the KV cache.
  package internal(set) var pool: BlockPool
  /// The counters and histograms of the metrics page.
  package internal(set) var statistics = EngineStatistics()
  /// The latest combinations of running and waiting adapters.
  package internal(set) var adapterHistory = AdapterHistory()

  /// Requests in the running batch, in the order of their admission.
  var running: [SimulatedRequestID] = []
  /// Requests that wait for admission, preempted ones first, else in the order of their arrival.
  var waiting: [SimulatedRequestID] = []
  /// Requests that wait for blocks of other engines, in the order of their arrival.
  var loading: [SimulatedRequestID] = []
  /// All running and waiting requests.
  var sequences: [SimulatedRequestID: SimulatedSequence] = [:]
  /// The current step; nil when there is no work.
  var step: Step?
  /// Changes of the prefix cache that are published when the step ends.
  var cacheEvents: [CacheEvent] = []
  /// Computes the hashes of blocks.
  let hasher: BlockHasher
  /// The factor of the time of steps.
  var slowness = 1.0
  /// When the engine was suspended; nil while it runs.
  var suspendedAt: MonotonicTime?

  /// A step: the tokens that are computed together.
  struct Step: Sendable {
    /// When the step ends.
    var endsAt: MonotonicTime
    /// Requests that get a token at the end of the step.
    var sampled: [SimulatedRequestID] = []
    /// Prompt tokens of the step.
    var prefillTokens = 0
    /// Tokens of decoding requests.
    var decodeTokens = 0
  }

  /// Steps that one call of `advance` ends at most: an engine without latency would never return.
  private static let stepsPerAdvance = 32
  /// Recorded events from which on `resetPrefixCache` adds none: without work no step publishes them.
  private static let idleEvents = 64

  /// Makes an engine without requests.
  package init(options: EngineOptions) {
    self.options = options
    pool = BlockPool(capacity: options.cacheBlocks)
    hasher = BlockHasher(options.hashAlgorithm, seed: options.hashSeed)
    slowness = options.fault.slowness
  }

  /// The time at which the owner has to call `advance`; nil when there is no work, and while the engine is suspended.
  package var nextDeadline: MonotonicTime? { suspendedAt == nil ? step?.endsAt : nil }

  /// Number of requests in the running batch.
  package var runningRequests: Int { running.count }
  /// Number of requests that wait for admission, or for blocks of other engines.
  package var waitingRequests: Int { waiting.count + loading.count }

  /// Adds a request, or rejects it when it does not fit the context.
  package mutating func submit(_ request: SimulatedRequest, at now: MonotonicTime) -> [SimulatedEngineAction] {
    if let reason = rejection(promptTokens: request.prompt.count, outputTokens: request.outputTokens) {
      return [.reject(request.id, reason: reason)]
    }
    var chain = BlockChain(blockTokens: options.blockTokens, hasher: hasher, namespace: request.namespace)
    chain.append(request.prompt)
    let actions = advance(to: now)
    sequences[request.id] = SimulatedSequence(request, chain: chain, arrivedAt: now)
    if request.awaitsBlocks { loading.append(request.id) } else { waiting.append(request.id) }
    if step == nil, suspendedAt == nil { startStep(at: now) }
    if request.namespace.adapter != nil { recordAdapters(at: now) }
    return actions
  }

  /// Returns why a request of a size cannot be served; nil when it can.
  package func rejection(promptTokens: Int, outputTokens: Int) -> SimulatedEngineAction.Rejection? {
    let limit = options.contextTokens
    if outputTokens > limit { return .outputTooLong(outputTokens: outputTokens) }
    if promptTokens > limit { return .promptTooLong(promptTokens: promptTokens) }
    if promptTokens + outputTokens > limit {
      return .totalTooLong(promptTokens: promptTokens, outputTokens: outputTokens)
    }
    return nil
  }

  /// Ends the steps that are due, each at its own time, and starts the next.
  package mutating func advance(to now: MonotonicTime) -> [SimulatedEngineAction] {
    guard suspendedAt == nil else { return [] }
    var actions: [SimulatedEngineAction] = []
    for _ in 0..<Self.stepsPerAdvance {
      guard let due = step, due.endsAt <= now else { break }
      step = nil
      finish(due, into: &actions)
      startStep(at: due.endsAt)
    }
    return actions
  }

  /// Removes a request whose client has left. A step that computes it goes on.
  package mutating func cancel(_ id: SimulatedRequestID, at now: MonotonicTime) -> [SimulatedEngineAction] {
    let actions = advance(to: now)
    guard let sequence = sequences.removeValue(forKey: id) else { return actions }
    pool.release(sequence.blocks)
    running.removeAll { $0 == id }
    waiting.removeAll { $0 == id }
    loading.removeAll { $0 == id }
    statistics.finishedByAbort += 1
    if sequence.adapter != nil { recordAdapters(at: now) }
    return actions
  }

  /// Makes later steps take `factor` times as long.
  package mutating func setSlowness(_ factor: Double) { slowness = factor }

  /// Suspends the engine: no step ends until `resume`.
  package mutating func suspend(at now: MonotonicTime) -> [SimulatedEngineAction] {
    let actions = advance(to: now)
    if suspendedAt == nil { suspendedAt = now }
    return actions
  }

  /// Resumes a suspended engine. The end of the current step moves by the time of the suspension.
  package mutating func resume(at now: MonotonicTime) {
    guard let stopped = suspendedAt else { return }
    suspendedAt = nil
    if let end = step?.endsAt {
      step?.endsAt = end.advanced(by: now.duration(since: stopped))
    } else {
      startStep(at: now)
    }
  }

  /// Clears the prefix cache. Returns false, and changes nothing, while a request runs. The event is published when the next
  /// step ends, as in vLLM.
  package mutating func resetPrefixCache() -> Bool {
    guard pool.reset() else { return false }
    if cacheEvents.count < Self.idleEvents { note(.cleared) }
    return true
  }
}
