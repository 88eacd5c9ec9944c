package import EPPCore
import EPPMetrics
import EPPPrefixCache
import EPPRequests
import EPPScheduling

/// The status and headers of an engine's answer.
package struct ResponseStart: Sendable {
  /// The HTTP status; nil when the gateway did not send it.
  package var status: Int?
  /// Whether the answer is `text/event-stream`.
  package var isEventStream: Bool
  /// False when the body is compressed and cannot be read.
  package var isReadable: Bool
  /// False when the gateway does not send the body (`response_body_mode: NONE`); the answer then ends with the stream.
  package var bodyIsSeen: Bool
  /// The endpoint that served the request according to the gateway, `ip:port`; nil when it did not say.
  package var served: String?

  package init(status: Int?, isEventStream: Bool, isReadable: Bool, bodyIsSeen: Bool = true, served: String?) {
    self.status = status
    self.isEventStream = isEventStream
    self.isReadable = isReadable
    self.bodyIsSeen = bodyIsSeen
    self.served = served
  }
}

/// A request from its dispatch to its end: holds its share of the endpoint's load, and learns from its answer.
///
/// Used only on the thread of the request's stream.
package final class InFlightRequest {
  /// What is known of the request at its dispatch.
  struct DispatchRecord {
    /// When the request's headers arrived.
    var receivedAt: MonotonicTime
    /// Tokens of the prompt.
    var promptTokens: Int
    /// Tokens of the prompt expected in the cache of the endpoint that computes it.
    var predictedCachedTokens: Int
    /// Tokens of the prompt that the endpoint that the request is sent to has to compute.
    var uncachedTokens: Int
    /// The model that the engine was asked for.
    var model: String
    /// How reliable the prediction is.
    var confidence: CacheVerifier.Confidence
    /// The kind of prompt whose token ids were found; nil when none were found for its text.
    var rendered: PromptKind?
    /// The API of the request.
    var api: InferenceAPI
  }

  /// The entries of the pick in the prefix index.
  struct Entries {
    /// The entry by the prompt's text.
    var text: PickRecord?
    /// The entry by token ids.
    var tokens: PickRecord?

    func forEach(_ body: (PickRecord) -> Void) {
      if let text { body(text) }
      if let tokens { body(tokens) }
    }
  }

  /// An endpoint that serves another stage of the request, until its answer begins.
  struct HelpingEndpoint {
    var serving: ServingEndpoint
    var entries: Entries
    /// Tokens of the prompt that it has to compute.
    var uncachedTokens: Int
  }

  private let ledger: RequestLedger
  private let verifier: CacheVerifier
  private let flow: RequestLedger.Flow
  private let dispatched: DispatchRecord
  private let series: RequestSeries
  private var serving: ServingEndpoint
  /// The endpoint that was picked to compute the prompt; `serving` is the one that serves the request.
  private let computing: EndpointSlot
  /// The series of an endpoint other than the serving one that computes the prompt; nil for none.
  private let helpingSeries: EndpointSeries?
  /// Endpoints that serve other stages and have not finished; mostly none.
  private var helpers: [HelpingEndpoint]
  /// Whether recently routed prompts count before they are announced.
  private let speculates: Bool
  private var entries: Entries
  /// Plugins that follow the request.
  private var followers: [any RequestFollower]
  private var scanner: AnswerScanner?
  private var responseBytes = 0
  // Small values stand together: an open stream costs their padding as well.
  private var answer = AnswerClock()
  private var seesBody = true
  private var holdsTokens = true
  private var isFinished = false
  private var hasFailed = false
  /// Whether an error event in the answer has been counted.
  private var isErrorCounted = false

  /// The endpoint that serves the request, with its load and series.
  struct ServingEndpoint {
    var slot: EndpointSlot
    var load: EndpointLoad
    var series: EndpointSeries
    var gauges: EndpointSeries.InFlight
    var destination: String

    /// Counts a request that begins, and its tokens that have to be computed.
    func begin(uncachedTokens: Int) {
      load.dispatch(uncachedTokens: uncachedTokens)
      gauges.requests.add(1)
      gauges.tokens.add(uncachedTokens)
    }

    /// Counts the tokens as computed.
    func endTokens(_ uncachedTokens: Int) {
      load.releaseTokens(uncachedTokens)
      gauges.tokens.add(-uncachedTokens)
    }

    /// Counts the request as ended.
    func endRequest() {
      load.releaseRequest()
      gauges.requests.add(-1)
    }
  }

  init(
    ledger: RequestLedger, verifier: CacheVerifier, flow: RequestLedger.Flow, dispatched: DispatchRecord,
    speculates: Bool,
    series: RequestSeries, serving: ServingEndpoint, computing: EndpointSlot, entries: Entries,
    helpingSeries: EndpointSeries? = nil, helpers: [HelpingEndpoint] = [], followers: [any RequestFollower]
  ) {
    self.ledger = ledger
    self.verifier = verifier
    self.speculates = speculates
    self.flow = flow
    self.dispatched = dispatched
    self.series = series
    self.serving = serving
    self.computing = computing
    self.helpingSeries = helpingSeries
    self.helpers = helpers
    self.entries = entries
    self.followers = followers
    series.running.add(1)
    occupy()
    for helper in helpers { helper.serving.begin(uncachedTokens: helper.uncachedTokens) }
  }

  /// Processes the status and headers of the answer.
  ///
  /// - Returns: headers that plugins set on the answer; they replace headers with equal names.
  @discardableResult
  package func responseStarted(_ start: ResponseStart, now: MonotonicTime) -> [RequestHeaders.Field] {
    guard !isFinished else { return [] }
    if let served = start.served, served != serving.destination {
      guard let serving = ledger.serving(ofDestination: served, flow) else {
        // An address outside of the pool: nothing is known of its load or cache.
        let headers = notifyFollowers(start, served: nil, now: now)
        forget()
        finish(.elsewhere, now: now)
        return headers
      }
      move(to: serving)
    }
    if let status = start.status, status >= 400 {
      series.countError(.modelServer)
      hasFailed = true
      // Nothing was computed, so nothing is in the engine's cache.
      forget()
    }
    seesBody = start.bodyIsSeen
    let api = dispatched.api
    if seesBody, start.isReadable, !hasFailed {
      scanner = AnswerScanner(api, isEventStream: start.isEventStream)
    }
    answer.start(isEventStream: start.isEventStream || api == .vllmGRPCGenerate)
    series.timeToResponseHeaders.observe(from: dispatched.receivedAt, to: now)
    // The first token will not be seen, and this is the last sign of it: the prompt is computed, or nearly so.
    if !seesBody { releaseComputation() }
    return notifyFollowers(start, served: serving.slot, now: now)
  }

  private func notifyFollowers(
    _ start: ResponseStart, served: EndpointSlot?, now: MonotonicTime
  ) -> [RequestHeaders.Field] {
    guard !followers.isEmpty else { return [] }
    var answer = AnswerStart(status: start.status, served: served, servedAddress: start.served, now: now)
    for follower in followers { follower.responseStarted(&answer) }
    return answer.headers
  }

  /// Processes a piece of the answer's body.
  package func responseBody(_ bytes: RawSpan, now: MonotonicTime) {
    guard !isFinished else { return }
    responseBytes += bytes.byteCount
    scanner?.feed(bytes)
    if scanner?.hasError == true, !isErrorCounted {
      isErrorCounted = true
      series.countError(.modelServer)
    }
    guard !hasFailed, bytes.byteCount > 0 else { return }
    // A stream may open with a comment or an empty event: the first token is the first event with data.
    // Not by `if let`, which would copy the scanner for each piece.
    if answer.isEventStream, scanner?.hasFirstToken == false { return }
    switch answer.chunk(at: now) {
    case .first:
      settle(now: now)
      releaseComputation()
      for follower in followers { follower.firstToken(now: now) }
      let time = now.duration(since: dispatched.receivedAt)
      if answer.isEventStream {
        series.timeToFirstTokenStreaming.observe(time)
      } else {
        series.timeToFirstTokenUnary.observe(time)
      }
    case .next(let gap):
      if answer.isEventStream { series.interTokenLatency.observe(gap) }
    }
  }

  /// Processes the end of a complete answer.
  ///
  /// - Returns: what the gateway is told with it.
  @discardableResult
  package func responseEnded(now: MonotonicTime) -> [ReportedAttribute] {
    guard !isFinished else { return [] }
    var attributes: [ReportedAttribute] = []
    let time = now.duration(since: dispatched.receivedAt)
    series.duration.observe(time)
    // What is not seen is not counted as nothing.
    if seesBody { series.responseSize.observe(responseBytes) }
    if let usage = scanner?.usage, !hasFailed {
      learn(usage, time: time, now: now)
      for follower in followers { follower.answered(usage, &attributes) }
    }
    finish(hasFailed || isErrorCounted ? .failed : .complete, now: now)
    return attributes
  }

  /// Processes the end of the stream. Does nothing after `responseEnded`.
  ///
  /// - Parameters:
  ///   - isComplete: whether the stream ended regularly.
  ///   - now: the time of the end.
  package func ended(isComplete: Bool, now: MonotonicTime) {
    guard !isFinished else { return }
    if !answer.hasStarted {
      series.countError(.unknown)
    } else if !seesBody {
      // A gateway that shows headers only ends the stream with the exchange.
      series.duration.observe(from: dispatched.receivedAt, to: now)
    }
    finish(hasFailed || isErrorCounted ? .failed : isComplete ? .complete : .aborted, now: now)
  }

  // MARK: - Learning

  private func learn(_ usage: TokenUsage, time: Duration, now: MonotonicTime) {
    if let prompt = usage.promptTokens { series.inputTokens.observe(prompt) }
    // Of other tokens than the engine has, nothing was predicted that it could contradict.
    var isOtherPrompt = false
    if let kind = dispatched.rendered, let counted = usage.promptTokens {
      isOtherPrompt = counted != dispatched.promptTokens
      verifier.noteTokenCount(agrees: !isOtherPrompt, kind, now: now)
    }
    if let cached = verifier.cachedTokens(
      usage, isGeneration: dispatched.api == .chatCompletions || dispatched.api == .completions, of: serving.slot)
    {
      series.cachedTokens.observe(cached)
      // Where the tokens of the prompt were counted.
      (helpingSeries ?? serving.series).prefixHitTokensReported.increment(by: cached)
      // Another endpoint than the one that the prediction is about has nothing to say to it.
      if serving.slot == computing, !isOtherPrompt {
        verifier.verify(dispatched, reported: cached, speculates: speculates, at: serving)
      }
    }
    guard let output = usage.completionTokens else { return }
    series.outputTokens.observe(output)
    guard output > 0 else { return }
    series.normalizedTimePerOutputToken.observe(time / output)
    if answer.isEventStream, output > 1, let first = answer.firstChunkAt {
      series.timePerOutputToken.observe(now.duration(since: first) / (output - 1))
    }
  }

  // MARK: - Load

  /// Moves load and index entries to the endpoint that serves the request, when the gateway fell back to it.
  private func move(to serving: ServingEndpoint) {
    vacate()
    entries.text = entries.text.map { ledger.move($0, to: serving.slot) }
    entries.tokens = entries.tokens.map { ledger.move($0, to: serving.slot) }
    self.serving = serving
    occupy()
  }

  private func forget() {
    entries.forEach { ledger.forget($0) }
    entries = Entries()
    for index in helpers.indices {
      helpers[index].entries.forEach { ledger.forget($0) }
      helpers[index].entries = Entries()
    }
  }

  /// Shortens the time for which the entries count without being announced: the prompt is computed.
  private func settle(now: MonotonicTime) {
    if let tokens = entries.tokens { ledger.settle(tokens, now: now) }
    for helper in helpers {
      if let tokens = helper.entries.tokens { ledger.settle(tokens, now: now) }
    }
  }

  private func occupy() {
    serving.begin(uncachedTokens: dispatched.uncachedTokens)
    holdsTokens = true
  }

  /// Ends the work of other stages, which is done when the answer begins.
  private func releaseHelpers() {
    guard !helpers.isEmpty else { return }
    for helper in helpers {
      helper.serving.endTokens(helper.uncachedTokens)
      helper.serving.endRequest()
    }
    helpers = []
  }

  /// Ends the computation of the prompt, here and elsewhere.
  private func releaseComputation() {
    releaseTokens()
    releaseHelpers()
  }

  private func releaseTokens() {
    guard holdsTokens else { return }
    holdsTokens = false
    serving.endTokens(dispatched.uncachedTokens)
  }

  private func vacate() {
    releaseTokens()
    serving.endRequest()
  }

  private func finish(_ outcome: RequestOutcome, now: MonotonicTime) {
    isFinished = true
    for follower in followers { follower.ended(outcome, now: now) }
    followers = []
    // An answer that never began leaves nothing that the engine has not announced by now, or will at once.
    if answer.firstChunkAt == nil { settle(now: now) }
    vacate()
    releaseHelpers()
    series.running.add(-1)
    scanner = nil
  }
}

/// The times at which pieces of an answer arrive.
struct AnswerClock {
  private(set) var hasStarted = false
  private(set) var isEventStream = false
  private(set) var firstChunkAt: MonotonicTime?
  private var lastChunkAt: MonotonicTime?

  enum Chunk: Equatable {
    case first
    /// A further piece, with the time since the previous one.
    case next(Duration)
  }

  mutating func start(isEventStream: Bool) {
    hasStarted = true
    self.isEventStream = isEventStream
  }

  mutating func chunk(at now: MonotonicTime) -> Chunk {
    defer { lastChunkAt = now }
    guard let lastChunkAt else {
      firstChunkAt = now
      return .first
    }
    return .next(now.duration(since: lastChunkAt))
  }
}
