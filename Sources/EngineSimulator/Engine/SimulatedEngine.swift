package import EPPCore

/// A model server without a model: a value that is told what happens and when, and says what to do.
///
/// It works in steps, as vLLM's scheduler does. A step computes one token for every request that decodes and, with what
/// is left of the token budget, prompts in the order of their arrival. It lasts
///
///     prompt tokens / prefill rate + (inter-token latency, when anything decodes)
///
/// and at its end every request whose tokens are all computed gets one more, and changes of the prefix cache are told. Tokens found in the prefix cache are not
/// computed; at least one token of a prompt always is. Not thread-safe: one owner, which performs the actions and calls
/// `advance` no later than at `nextDeadline`.
package struct SimulatedEngine: Sendable {
  package let options: EngineOptions
  package internal(set) var pool: BlockPool
  package internal(set) var statistics = EngineStatistics()
  package internal(set) var adapterHistory = AdapterHistory()

  /// Requests in the running batch, in the order of their admission.
  var running: [SimulatedRequestID] = []
  /// Requests that wait for admission, in the order of their arrival.
  var waiting: [SimulatedRequestID] = []
  var sequences: [SimulatedRequestID: SimulatedSequence] = [:]
  var step: Step?
  /// What has changed in the cache and is to be told when the step ends.
  var cacheEvents: [CacheEvent] = []
  let hasher: BlockHasher
  var slowness = 1.0
  var suspendedAt: MonotonicTime?

  /// What is being computed.
  struct Step: Sendable {
    var endsAt: MonotonicTime
    /// Requests that get a token when the step ends.
    var sampled: [SimulatedRequestID] = []
    var prefillTokens = 0
    var decodeTokens = 0
  }

  /// Steps that one call of `advance` ends at most, so that an engine without latency does not keep its owner for ever.
  private static let stepsPerAdvance = 32
  /// Events that an engine without work keeps: emptying an empty cache makes one each time.
  private static let idleEvents = 64

  package init(options: EngineOptions) {
    self.options = options
    pool = BlockPool(capacity: options.cacheBlocks)
    hasher = BlockHasher(options.hashAlgorithm, seed: options.hashSeed)
    slowness = options.fault.slowness
  }

  /// When the owner has to call `advance`; nil when there is nothing to do or time stands still.
  package var nextDeadline: MonotonicTime? { suspendedAt == nil ? step?.endsAt : nil }

  package var runningRequests: Int { running.count }
  package var waitingRequests: Int { waiting.count }

  /// A request has arrived.
  package mutating func submit(_ request: SimulatedRequest, at now: MonotonicTime) -> [SimulatedEngineAction] {
    if let reason = rejection(promptTokens: request.prompt.count, outputTokens: request.outputTokens) {
      return [.reject(request.id, reason: reason)]
    }
    var chain = BlockChain(blockTokens: options.blockTokens, hasher: hasher, namespace: request.namespace)
    chain.append(request.prompt)
    let actions = advance(to: now)
    sequences[request.id] = SimulatedSequence(request, chain: chain, arrivedAt: now)
    waiting.append(request.id)
    if step == nil, suspendedAt == nil { startStep(at: now) }
    if request.namespace.adapter != nil { recordAdapters(at: now) }
    return actions
  }

  /// Why a request of this size cannot be served; nil when it can.
  package func rejection(promptTokens: Int, outputTokens: Int) -> SimulatedEngineAction.Rejection? {
    let limit = options.contextTokens
    if outputTokens > limit { return .outputTooLong(outputTokens: outputTokens) }
    if promptTokens > limit { return .promptTooLong(promptTokens: promptTokens) }
    if promptTokens + outputTokens > limit {
      return .totalTooLong(promptTokens: promptTokens, outputTokens: outputTokens)
    }
    return nil
  }

  /// Time has passed: ends the steps that are due, each at its own time, and starts the next.
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

  /// A client has left: its request is forgotten. A step that computes it goes on.
  package mutating func cancel(_ id: SimulatedRequestID, at now: MonotonicTime) -> [SimulatedEngineAction] {
    let actions = advance(to: now)
    guard let sequence = sequences.removeValue(forKey: id) else { return actions }
    pool.release(sequence.blocks)
    running.removeAll { $0 == id }
    waiting.removeAll { $0 == id }
    statistics.finishedByAbort += 1
    if sequence.adapter != nil { recordAdapters(at: now) }
    return actions
  }

  /// Makes later steps take `factor` times as long.
  package mutating func setSlowness(_ factor: Double) { slowness = factor }

  /// Stops time: nothing happens until `resume`.
  package mutating func suspend(at now: MonotonicTime) -> [SimulatedEngineAction] {
    let actions = advance(to: now)
    if suspendedAt == nil { suspendedAt = now }
    return actions
  }

  /// Lets time go on: the step that was interrupted takes what it still had to take.
  package mutating func resume(at now: MonotonicTime) {
    guard let stopped = suspendedAt else { return }
    suspendedAt = nil
    if let end = step?.endsAt {
      step?.endsAt = end.advanced(by: now.duration(since: stopped))
    } else {
      startStep(at: now)
    }
  }

  /// Forgets the prefix cache; fails while a request runs. It is told when the next step ends, as by vLLM.
  package mutating func resetPrefixCache() -> Bool {
    guard pool.reset() else { return false }
    if cacheEvents.count < Self.idleEvents { note(.cleared) }
    return true
  }
}
