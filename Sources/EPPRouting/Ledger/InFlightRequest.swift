package import EPPCore
import EPPMetrics
import EPPPrefixCache
import EPPRequests
import EPPScheduling

/// What an engine's answer says before its body.
package struct ResponseStart: Sendable {
  /// The HTTP status; nil when the gateway did not tell.
  package var status: Int?
  package var isEventStream: Bool
  /// False when the body is compressed: nothing is read out of it then.
  package var isReadable: Bool
  /// False when the gateway keeps the body to itself (`response_body_mode: NONE`): the end of the stream is its end then.
  package var bodyIsSeen: Bool
  /// The endpoint that the gateway names as served, `ip:port`.
  package var served: String?

  package init(status: Int?, isEventStream: Bool, isReadable: Bool, bodyIsSeen: Bool = true, served: String?) {
    self.status = status
    self.isEventStream = isEventStream
    self.isReadable = isReadable
    self.bodyIsSeen = bodyIsSeen
    self.served = served
  }
}

/// A request from its dispatch to its end: what it holds of its endpoint's load, and what is learned from its answer.
///
/// One thread only: that of the request's stream.
package final class InFlightRequest {
  /// What is known of the request when it leaves.
  struct DispatchRecord {
    var receivedAt: MonotonicTime
    var promptTokens: Int
    var predictedCachedTokens: Int
    /// The model that the engine was asked for.
    var model: String
    /// How well the prediction is founded.
    var confidence: CacheVerifier.Confidence
    /// What its token ids were found for; nil where they were not found for its text.
    var rendered: PromptKind?
    /// Whether it is a chat or a completion.
    var isGeneration: Bool
    /// Prompt tokens that the endpoint has to compute.
    var uncachedTokens: Int { max(0, promptTokens - predictedCachedTokens) }
  }

  /// What its pick has entered into the index.
  struct Entries {
    var text: PickRecord?
    var tokens: PickRecord?

    func forEach(_ body: (PickRecord) -> Void) {
      if let text { body(text) }
      if let tokens { body(tokens) }
    }
  }

  private let ledger: RequestLedger
  private let verifier: CacheVerifier
  /// Whether what was just sent to an endpoint counts before it is announced.
  private let speculates: Bool
  private let fairnessID: String
  private let dispatched: DispatchRecord
  private let series: RequestSeries
  private var serving: ServingEndpoint
  /// The endpoint that was picked; `serving` follows the one that serves.
  private let picked: EndpointSlot
  private var entries: Entries
  /// Plugins that follow the request.
  private var followers: [any RequestFollower]
  private var scanner: UsageScanner?
  private var answer = AnswerClock()
  private var responseBytes = 0
  private var seesBody = true
  private var holdsTokens = true
  private var isFinished = false
  private var hasFailed = false
  /// Whether an error in the middle of an answer has been counted.
  private var isErrorCounted = false

  /// Where the request is: the endpoint whose load it is part of.
  struct ServingEndpoint {
    var slot: EndpointSlot
    var load: EndpointLoad
    var series: EndpointSeries
    var gauges: EndpointSeries.InFlight
    var destination: String
  }

  init(
    ledger: RequestLedger, verifier: CacheVerifier, fairnessID: String, dispatched: DispatchRecord, speculates: Bool,
    series: RequestSeries, serving: ServingEndpoint, entries: Entries, followers: [any RequestFollower]
  ) {
    self.ledger = ledger
    self.verifier = verifier
    self.speculates = speculates
    self.fairnessID = fairnessID
    self.dispatched = dispatched
    self.series = series
    self.serving = serving
    picked = serving.slot
    self.entries = entries
    self.followers = followers
    series.running.add(1)
    occupy()
  }

  /// The answer has begun.
  ///
  /// - Returns: headers that plugins add to it, in place of those of the same name.
  @discardableResult
  package func responseStarted(_ start: ResponseStart, now: MonotonicTime) -> [RequestHeaders.Field] {
    guard !isFinished else { return [] }
    if let served = start.served, served != serving.destination { move(to: served, now: now) }
    guard !isFinished else { return [] }
    if let status = start.status, status >= 400 {
      series.countError(.modelServer)
      hasFailed = true
      // Nothing was computed, so nothing is in the engine's cache.
      forget()
    }
    seesBody = start.bodyIsSeen
    if seesBody, start.isReadable, !hasFailed { scanner = UsageScanner(start.isEventStream ? .eventStream : .json) }
    answer.start(isEventStream: start.isEventStream)
    series.timeToResponseHeaders.observe(now.duration(since: dispatched.receivedAt))
    // The first token will not be seen, and this is the last sign of it: the prompt is computed, or nearly so.
    if !seesBody { releaseTokens() }
    guard !followers.isEmpty else { return [] }
    var answer = AnswerStart(status: start.status, served: serving.slot, now: now)
    for follower in followers { follower.responseStarted(&answer) }
    return answer.headers
  }

  /// A piece of the answer's body.
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
    if answer.isEventStream, let scanner, !scanner.hasFirstToken { return }
    switch answer.chunk(at: now) {
    case .first:
      releaseTokens()
      for follower in followers { follower.firstToken(now: now) }
      if let tokens = entries.tokens { ledger.settle(tokens, now: now) }
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

  /// The answer is complete.
  package func responseEnded(now: MonotonicTime) {
    guard !isFinished else { return }
    let time = now.duration(since: dispatched.receivedAt)
    series.duration.observe(time)
    // What is not seen is not counted as nothing.
    if seesBody { series.responseSize.observe(responseBytes) }
    if let usage = scanner?.usage, !hasFailed { learn(usage, time: time, now: now) }
    finish(hasFailed || isErrorCounted ? .failed : .complete, now: now)
  }

  /// The stream is over, with or without a complete answer.
  package func ended(isComplete: Bool, now: MonotonicTime) {
    guard !isFinished else { return }
    if !answer.hasStarted {
      series.countError(.unknown)
    } else if !seesBody {
      // A gateway that shows headers only ends the stream with the exchange.
      series.duration.observe(now.duration(since: dispatched.receivedAt))
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
    if let cached = verifier.cachedTokens(usage, isGeneration: dispatched.isGeneration, of: serving.slot) {
      series.cachedTokens.observe(cached)
      serving.series.prefixHitTokensReported.increment(by: cached)
      // Another endpoint than the one that the prediction is about has nothing to say to it.
      if serving.slot == picked, !isOtherPrompt {
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

  /// The gateway fell back to another endpoint: load and prefix entries follow the one that served.
  private func move(to served: String, now: MonotonicTime) {
    guard let serving = ledger.serving(ofDestination: served, fairnessID: fairnessID) else {
      // An address outside of the pool: nothing is known of its load or cache.
      forget()
      finish(.elsewhere, now: now)
      return
    }
    vacate()
    entries.text = entries.text.map { ledger.move($0, to: serving.slot) }
    entries.tokens = entries.tokens.map { ledger.move($0, to: serving.slot) }
    self.serving = serving
    occupy()
  }

  private func forget() {
    entries.forEach { ledger.forget($0) }
    entries = Entries()
  }

  private func occupy() {
    serving.load.dispatch(uncachedTokens: dispatched.uncachedTokens)
    serving.gauges.requests.add(1)
    serving.gauges.tokens.add(dispatched.uncachedTokens)
    holdsTokens = true
  }

  private func releaseTokens() {
    guard holdsTokens else { return }
    holdsTokens = false
    serving.load.releaseTokens(dispatched.uncachedTokens)
    serving.gauges.tokens.add(-dispatched.uncachedTokens)
  }

  private func vacate() {
    releaseTokens()
    serving.load.releaseRequest()
    serving.gauges.requests.add(-1)
  }

  private func finish(_ outcome: RequestOutcome, now: MonotonicTime) {
    isFinished = true
    for follower in followers { follower.ended(outcome, now: now) }
    followers = []
    // An answer that never began leaves nothing that the engine has not announced by now, or will at once.
    if answer.firstChunkAt == nil, let tokens = entries.tokens { ledger.settle(tokens, now: now) }
    vacate()
    series.running.add(-1)
    scanner = nil
  }
}

/// The times of an answer's pieces.
struct AnswerClock {
  private(set) var hasStarted = false
  private(set) var isEventStream = false
  private(set) var firstChunkAt: MonotonicTime?
  private var lastChunkAt: MonotonicTime?

  enum Chunk: Equatable {
    case first
    /// With the time since the one before.
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
