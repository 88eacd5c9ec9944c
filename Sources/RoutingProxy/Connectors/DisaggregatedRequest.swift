package import EPPCore
package import EPPRequests

/// The way of one request whose prompt a prefill engine computes: which engine is asked for what, and what the client gets. A value:
/// an event in, actions out, no I/O and no clock.
package struct DisaggregatedRequest {
  /// What is done when a prefill engine does not compute the prompt.
  package enum PrefillFailure: String, Sendable, CaseIterable {
    /// The client gets the prefill engine's answer.
    case error
    /// The decode engine computes the prompt; `error` with connectors whose decode engines cannot.
    case local
  }

  /// One of the two engines.
  package enum Leg: Sendable, Equatable {
    case prefill
    case decode
  }

  /// A request to an engine; it is the client's where nothing is said.
  package struct Ask: Equatable, Sendable {
    /// The body.
    package var body: [UInt8]
    /// Headers that replace those of the client with equal names.
    package var headers: [RequestHeaders.Field]

    package init(body: [UInt8], headers: [RequestHeaders.Field] = []) {
      self.body = body
      self.headers = headers
    }
  }

  /// What has to be done.
  package enum Action: Equatable, Sendable {
    /// Ask the prefill engine's bootstrap server for its engines; then `bootstrapAnswered`.
    case askBootstrap
    /// Send a request to the prefill engine, and collect its answer; then `prefillEnded`.
    case askPrefill(Ask)
    /// Send a request to the decode engine, and send its answer on to the client.
    ///
    /// - Parameter cachedTokens: The number of cached tokens that the answer's usage has to have; nil to leave it.
    case askDecode(Ask, cachedTokens: Int?)
    /// Send a request to the decode engine, and keep its answer until it is known why it ends or that it goes on; then `tried`.
    case tryDecode(Ask)
    /// Send the kept answer of the decode engine on to the client.
    case releaseDecode
    /// Give up the request to an engine.
    case cancel(Leg)
    /// Wait; then `waited`.
    case wait(Duration)
    /// Send the prefill engine's answer to the client.
    case answerWithPrefill
    /// Answer the client: the prefill engine could not be reached.
    case answerUnreachable
    /// Count that the decode engine computes the prompt because the prefill engine did not.
    case countFallback
  }

  private enum State: Equatable {
    case new
    case trying
    case bootstrapping
    case prefilling(attempt: Int)
    case waiting(attempt: Int)
    /// Both engines are asked.
    case together(prefillRuns: Bool, decodeHasBegun: Bool)
    case decoding
    case ended
  }

  /// How often and after what time a prefill is tried again that failed for a moment (502, 503, 504, no connection).
  package struct Retries: Sendable, Equatable {
    package var maximum: Int
    package var backoff: Duration

    package init(maximum: Int = 0, backoff: Duration = .milliseconds(200)) {
      self.maximum = maximum
      self.backoff = backoff
    }
  }

  private let connector: any KVConnector
  private let body: [UInt8]
  private let edit: JSONObjectEdit
  private let prefillBody: JSONObjectEdit
  private let retries: Retries
  private let failure: PrefillFailure
  private var transfer: KVTransfer
  private var state = State.new

  /// - Parameters:
  ///   - body: The client's body.
  ///   - api: The API of the request.
  /// - Throws: When the body is no JSON object.
  package init(
    _ body: [UInt8], _ api: InferenceAPI, _ connector: any KVConnector, _ transfer: KVTransfer,
    retries: Retries = Retries(), failure: PrefillFailure = .local
  ) throws(JSONError) {
    self.body = body
    self.connector = connector
    self.transfer = transfer
    self.retries = retries
    self.failure = connector.decodesAlone ? failure : .error
    edit = try unsafe JSONObjectEdit(body.span.bytes)
    var limited = edit
    if connector.limitsPrefill { try unsafe limited.limitToPrompt(api, body.span.bytes) }
    prefillBody = limited
  }

  // MARK: - Events

  /// Begins.
  package mutating func start() -> [Action] {
    switch connector.order {
    case .decodeAlone:
      state = .decoding
      return [.askDecode(aloneAsk(), cachedTokens: nil)]
    case .prefillFirst: return prefill(attempt: 0)
    case .together: return both()
    case .togetherAfterBootstrap:
      if transfer.bootstrap != nil { return both() }
      state = .bootstrapping
      return [.askBootstrap]
    case .decodeFirst(let threshold):
      guard edit.contains(threshold) else { return prefill(attempt: 0) }
      state = .trying
      return [.tryDecode(Ask(body: body))]
    }
  }

  /// The bootstrap server has answered.
  ///
  /// - Parameter engine: One of its engines; nil where it has none, or did not answer.
  package mutating func bootstrapAnswered(_ engine: KVTransfer.Bootstrap?) -> [Action] {
    guard state == .bootstrapping else { return [] }
    guard let engine else { return failed(answered: false) }
    transfer.bootstrap = engine
    return both()
  }

  /// The decode engine has said whether it holds enough of the prompt.
  package mutating func tried(isBelowThreshold: Bool) -> [Action] {
    guard state == .trying else { return [] }
    if isBelowThreshold { return prefill(attempt: 0) }
    state = .decoding
    return [.releaseDecode]
  }

  /// The prefill engine's answer is complete, or will not come.
  ///
  /// - Parameters:
  ///   - status: The HTTP status; nil where there is no answer.
  ///   - answer: The answer's body.
  package mutating func prefillEnded(status: Int?, _ answer: RawSpan) -> [Action] {
    switch state {
    case .prefilling(let attempt):
      if let status, (200..<300).contains(status), let result = PrefillResult(answer) {
        transfer.prefillParameters = result.transferParameters
        state = .decoding
        return [.askDecode(decodeAsk(), cachedTokens: result.cachedTokens)]
      }
      if status.map({ (502...504).contains($0) }) ?? true, attempt < retries.maximum {
        state = .waiting(attempt: attempt + 1)
        return [.wait(retries.backoff)]
      }
      return failed(answered: status.map { !(200..<300).contains($0) } ?? false)
    case .together(_, let decodeHasBegun):
      state = .together(prefillRuns: false, decodeHasBegun: decodeHasBegun)
      if let status, (200..<300).contains(status) { return [] }
      // What the client has of the answer cannot be taken back.
      if decodeHasBegun { return [] }
      // Without the blocks the decode engine would wait until it gives up.
      return [.cancel(.decode)] + failed(answered: status != nil)
    case .new, .trying, .bootstrapping, .waiting, .decoding, .ended: return []
    }
  }

  /// The time to wait is over.
  package mutating func waited() -> [Action] {
    guard case .waiting(let attempt) = state else { return [] }
    return prefill(attempt: attempt)
  }

  /// The decode engine's answer has begun.
  package mutating func decodeBegan() {
    if case .together(let prefillRuns, _) = state { state = .together(prefillRuns: prefillRuns, decodeHasBegun: true) }
  }

  /// The decode engine's answer has ended, or will not come. A prefill that runs beside it is not given up: others may use its blocks.
  package mutating func decodeEnded() { state = .ended }

  /// The client is gone.
  package mutating func clientGone() -> [Action] {
    defer { state = .ended }
    switch state {
    case .prefilling: return [.cancel(.prefill)]
    case .together(let prefillRuns, _): return prefillRuns ? [.cancel(.prefill), .cancel(.decode)] : [.cancel(.decode)]
    case .trying, .decoding: return [.cancel(.decode)]
    case .new, .bootstrapping, .waiting, .ended: return []
    }
  }

  // MARK: - Steps

  private mutating func prefill(attempt: Int) -> [Action] {
    state = .prefilling(attempt: attempt)
    return [.askPrefill(prefillAsk())]
  }

  private mutating func both() -> [Action] {
    state = .together(prefillRuns: true, decodeHasBegun: false)
    return [.askPrefill(prefillAsk()), .askDecode(decodeAsk(), cachedTokens: nil)]
  }

  private mutating func failed(answered: Bool) -> [Action] {
    switch failure {
    case .local:
      state = .decoding
      return [.countFallback, .askDecode(aloneAsk(), cachedTokens: nil)]
    case .error:
      state = .ended
      return [answered ? .answerWithPrefill : .answerUnreachable]
    }
  }

  private func prefillAsk() -> Ask {
    var written = prefillBody
    connector.writePrefill(&written, transfer)
    return Ask(body: unsafe written.bytes(body.span.bytes), headers: connector.prefillHeaders(transfer))
  }

  private func aloneAsk() -> Ask {
    var written = edit
    connector.writeAlone(&written, transfer)
    return Ask(body: written == edit ? body : unsafe written.bytes(body.span.bytes))
  }

  private func decodeAsk() -> Ask {
    var written = edit
    connector.writeDecode(&written, transfer)
    return Ask(body: unsafe written.bytes(body.span.bytes), headers: connector.decodeHeaders(transfer))
  }
}
