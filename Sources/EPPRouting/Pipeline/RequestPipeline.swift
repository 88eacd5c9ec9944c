package import EPPCore
import EPPMetrics
import EPPPrefixCache
import EPPRequests
import EPPScheduling
import EPPTracing
import Synchronization

/// Routes requests in stages: parse, admit, candidates, match, schedule, commit. Every stage is a function over one
/// `RoutingRequest`.
///
/// Any thread may route; no method waits. `admit` may suspend a request, which continues later without repeating a stage.
package final class RequestPipeline: Sendable {
  /// What requests are routed by, read together once per request.
  private struct Current {
    var configuration: RoutingConfiguration
    var rules = RequestRules()
  }

  private let current: Mutex<Current>
  private let revisions = Atomic<UInt64>(0)
  private let source: any PoolSnapshotSource
  private let index: PrefixIndex
  private let matcher: PromptMatcher
  private let tokens: (any PromptTokenSource)?
  private let ledger: RequestLedger
  private let verifier: CacheVerifier
  private let metrics: PickerMetrics
  private let decisions: any DecisionSink
  private let clock: @Sendable () -> MonotonicTime
  private let parser = RequestParser()
  /// Nil when there is no source of token ids.
  private let tokenSeries: TokenSeries?

  init(
    configuration: RoutingConfiguration, source: any PoolSnapshotSource, index: PrefixIndex,
    tokens: (any PromptTokenSource)?, ledger: RequestLedger, verifier: CacheVerifier, metrics: PickerMetrics,
    lookups: BlockLookupSeries?, decisions: any DecisionSink, clock: @escaping @Sendable () -> MonotonicTime
  ) {
    current = Mutex(Current(configuration: configuration))
    self.source = source
    self.index = index
    matcher = PromptMatcher(index: index, lookups: lookups, clock: clock)
    self.tokens = tokens
    self.ledger = ledger
    self.verifier = verifier
    self.metrics = metrics
    self.decisions = decisions
    self.clock = clock
    tokenSeries = tokens == nil ? nil : metrics.tokenSeries()
  }

  /// The configuration of further requests; a request that has begun keeps the one that it has read.
  package var configuration: RoutingConfiguration {
    get { current.withLock { $0.configuration } }
    set {
      current.withLock { $0.configuration = newValue }
      revisions.add(1, ordering: .releasing)
    }
  }

  /// The rules for further requests.
  package var rules: RequestRules {
    get { current.withLock { $0.rules } }
    set { current.withLock { $0.rules = newValue } }
  }

  /// Changes with each new configuration, for callers that cache values derived from it.
  package var revision: UInt64 { revisions.load(ordering: .acquiring) }

  /// Whether requests may be suspended, so that callers of `begin` should pass `wake`.
  package var maySuspend: Bool { tokens != nil }

  /// The working memory of one worker thread.
  package func makeScratch() -> RoutingScratch {
    var generator = SystemRandomNumberGenerator()
    return RoutingScratch(seed: generator.next())
  }

  // MARK: - Beginning and going on

  /// Routes a request: picks an endpoint and records the dispatch.
  ///
  /// - Parameters:
  ///   - arrival: what the gateway sent besides the body.
  ///   - body: how much of the body `bytes` holds.
  ///   - bytes: the body, or its beginning.
  ///   - wake: called at most once, on any thread, when the token ids for a suspended request are there; has to make the
  ///     request's thread call `resume`. Nil when the request must not be suspended.
  ///   - scratch: the worker thread's memory.
  ///   - now: the time.
  /// - Returns: the routed request, the rejection, or a suspension, to be resumed at `wake` or at its deadline.
  package func begin(
    _ arrival: RequestArrival, _ body: ReceivedBody, _ bytes: RawSpan, wake: (@Sendable () -> Void)? = nil,
    scratch: inout RoutingScratch, now: MonotonicTime
  ) -> RouteOutcome {
    defer { scratch.removeAll() }
    scratch.request.trace = arrival.trace
    arrival.trace?.begin(.orchestration)
    do {
      try parse(arrival, body, bytes, &scratch.request)
      applyRules(&scratch)
      if body == .whole, let wake, let it = admit(bytes, wake, &scratch, now: now) { return .suspended(it) }
      return .routed(try route(&scratch, now: now))
    } catch {
      return refuse(error, scratch.request, now: now)
    }
  }

  /// Continues a suspended request with the token ids that have arrived, if any. To be called once.
  ///
  /// - Returns: the routed request or the rejection.
  package func resume(
    _ suspension: Suspension, scratch: inout RoutingScratch, now: MonotonicTime
  ) -> RouteOutcome {
    defer { scratch.removeAll() }
    scratch.request = suspension.request
    scratch.request.trace?.end()
    if let ids = suspension.takeTokens() { scratch.request.setRendered(ids) }
    scratch.request.configuration.timing?.tokens?.observe(from: suspension.begin, to: now)
    do {
      // Endpoints may have left while it waited.
      readPool(&scratch.request)
      return .routed(try route(&scratch, now: now))
    } catch {
      return refuse(error, scratch.request, now: now)
    }
  }

  private func route(_ scratch: inout RoutingScratch, now: MonotonicTime) throws(Rejection) -> RoutedRequest {
    scratch.scheduling.spans = scratch.request.trace
    try findCandidates(&scratch, now: now)
    try checkSaturation(&scratch)
    match(&scratch)
    if !scratch.request.configuration.scheduler.producers.isEmpty { produce(&scratch) }
    let schedule = try schedule(&scratch)
    return commit(schedule, &scratch, now: now)
  }

  private func refuse(_ rejection: Rejection, _ request: borrowing RoutingRequest, now: MonotonicTime) -> RouteOutcome {
    count(
      rejection, model: metrics.knownModel(request.parsed.model),
      targetModel: metrics.knownModel(request.parsed.targetModel),
      fairnessID: RequestLedger.Flow.fairnessID(of: request), priority: request.priority)
    record(rejection, requestID: request.context.requestID, pickTime: clock().duration(since: now))
    request.trace?.endOrchestration(request, failure: rejection.message)
    return .refused(rejection)
  }

  private func readPool(_ request: inout RoutingRequest) {
    request.snapshot = source.currentSnapshot()
    // They are about token ids.
    if tokens != nil || request.prompt.isTokens { request.announcements = index.currentAnnouncements() }
  }

  // MARK: - Parse

  /// Parses the request, and reads the configuration and the pool.
  private func parse(
    _ arrival: RequestArrival, _ body: ReceivedBody, _ bytes: RawSpan, _ request: inout RoutingRequest
  ) throws(Rejection) {
    request.context = arrival.context
    request.receivedAt = arrival.receivedAt
    request.seesResponse = arrival.seesResponse
    (request.configuration, request.rules) = current.withLock { ($0.configuration, $0.rules) }
    defer { readPool(&request) }
    if request.configuration.settings.ignoresSubset { request.context.subset = .absent }
    let headers = arrival.context.headers
    let named = RequestPath.api(of: RequestPath.path(of: headers))
    let api = request.configuration.settings.parsers.apis.contains(named) ? named : .passthrough
    let duration = request.configuration.timing?.parsing(api)
    let start = duration.map { _ in clock() }
    defer { if let start { duration?.observe(from: start, to: clock()) } }
    switch body {
    case .none:
      request.prompt.removeAll()
    case .whole:
      request.parsed = try parser.parse(api: api, body: bytes, prompt: &request.prompt)
    case .beginning:
      // What the gateway's buffer cut off is no mistake of the client's: such a body is routed without its prompt.
      do {
        request.parsed = try parser.parse(api: api, body: bytes, prompt: &request.prompt)
      } catch {
        request.prompt.removeAll()
        request.parsed = InferenceRequest(api: .passthrough, bodyBytes: bytes.byteCount)
      }
    }
    request.parsed.noteMedia(of: request.prompt)
    request.needsCachedPrompt = Preferences.contain(Preferences.ifAvailable, headers)
    if let model = headers.first(HeaderName.modelRewrite, or: HeaderName.modelRewriteOld), !model.isEmpty {
      request.parsed.targetModel = model
    }
  }

  /// Sets the priority and the target model by the rules. A rule about the client's model overrides the rewrite header, as in
  /// llm-d.
  private func applyRules(_ scratch: inout RoutingScratch) {
    let rules = scratch.request.rules
    let headers = scratch.request.context.headers
    scratch.request.priority = rules.priority(
      ofObjective: headers.first(HeaderName.objective, or: HeaderName.objectiveOld))
    // Without a name in the body there is nothing to replace.
    guard scratch.request.parsed.modelRange != nil,
      let rule = rules.rewrite(ofModel: scratch.request.parsed.model)
    else { return }
    scratch.request.parsed.targetModel = rule.draw(using: &scratch.scheduling.random)
    scratch.request.rewriteRule = rule.name
  }

  // MARK: - Admit

  /// Looks for the token ids of a text, when endpoints can be matched by them.
  ///
  /// - Returns: the suspended request; nil when it need not wait.
  private func admit(
    _ body: RawSpan, _ wake: @escaping @Sendable () -> Void, _ scratch: inout RoutingScratch, now: MonotonicTime
  ) -> Suspension? {
    guard let tokens, wantsTokens(scratch.request) else { return nil }
    if verifier.isSetAside(PromptKind(scratch.request.parsed), now: now) {
      // No engine whose tokens could be relied on.
      tokenSeries?.nobody.increment()
      return nil
    }
    let duration = scratch.request.configuration.timing?.tokens
    let start = duration == nil ? now : clock()
    let answer = tokens.tokens(of: scratch.request.parsed, body: body, at: renderers(&scratch), wake: wake)
    if case .pending(let pending) = answer {
      scratch.request.trace?.begin(.tokens)
      let deadline = now.advanced(by: scratch.request.configuration.settings.tokenDeadline)
      // Its storage goes with it.
      defer { scratch.request = RoutingRequest() }
      return Suspension(scratch.request, tokens: pending, begin: start, deadline: deadline)
    }
    duration?.observe(from: start, to: clock())
    if case .known(let known) = answer { scratch.request.setRendered(known) }
    return nil
  }

  /// Whether token ids would give better matches than the text.
  private func wantsTokens(_ request: borrowing RoutingRequest) -> Bool {
    guard request.parsed.api == .chatCompletions || request.parsed.api == .completions, !request.prompt.isTokens,
      !request.prompt.hasMedia, request.prompt.prompts.count == 1
    else { return false }
    // A token is a byte at least.
    return !request.announcements.followed.isEmpty && request.prompt.bytes.count > request.announcements.blockTokens
      && request.configuration.scheduler.usesPrefixes
  }

  /// Engines that can be asked for token ids: endpoints with a fresh metrics page whose events are followed, from a random one
  /// on.
  private func renderers(_ scratch: inout RoutingScratch) -> [EndpointAddress] {
    let members = scratch.request.snapshot.members
    guard !members.isEmpty else { return [] }
    var result: [EndpointAddress] = []
    let start = Int.random(in: 0..<members.count, using: &scratch.scheduling.random)
    for offset in members.indices where result.count < Self.maximumRenderers {
      let member = members[(start + offset) % members.count]
      if !member.isStale, scratch.request.announcements.followed.contains(member.endpoint.slot) {
        result.append(member.endpoint.address)
      }
    }
    return result
  }

  private static let maximumRenderers = 3

  // MARK: - Candidates, match, schedule

  /// Sets the endpoints that the request may be sent to.
  private func findCandidates(_ scratch: inout RoutingScratch, now: MonotonicTime) throws(Rejection) {
    let snapshot = scratch.request.snapshot
    scratch.request.configuration.scheduler.selectCandidates(
      snapshot, scratch.request.parsed, scratch.request.context, now: now, &scratch.scheduling)
    guard scratch.scheduling.context.candidates.isEmpty else { return }
    metrics.countFailedAttempt(targetModel: scratch.request.parsed.targetModel)
    throw Rejection(
      .serviceUnavailable,
      snapshot.members.isEmpty
        ? "no endpoint is known to the endpoint picker"
        : scratch.request.configuration.scheduler.reasonWithoutCandidates, reason: .noEndpoints)
  }

  /// Looks the prompt up.
  private func match(_ scratch: inout RoutingScratch) {
    scratch.request.trace?.begin(.prefixMatch)
    defer { scratch.request.trace?.endMatch(scratch.scheduling.context) }
    guard let duration = scratch.request.configuration.timing?.matching else { return matcher.match(&scratch) }
    let start = clock()
    matcher.match(&scratch)
    duration.observe(from: start, to: clock())
  }

  /// Lets the data producers find what they say of the request.
  private func produce(_ scratch: inout RoutingScratch) {
    let scheduler = scratch.request.configuration.scheduler
    if scratch.request.textQuery.blockCount > 0 {
      scheduler.produce(&scratch.request.textQuery, &scratch.scheduling)
    } else {
      scheduler.produce(&scratch.request.tokenQuery, &scratch.scheduling)
    }
  }

  /// Refuses the request if the pool is too saturated for it.
  private func checkSaturation(_ scratch: inout RoutingScratch) throws(Rejection) {
    let scheduler = scratch.request.configuration.scheduler
    let priority = scratch.request.priority
    guard scheduler.mayRefuse(priority: priority),
      let rejection = scheduler.rejection(priority: priority, &scratch.scheduling)
    else { return }
    metrics.countFailedAttempt(targetModel: scratch.request.parsed.targetModel)
    throw rejection
  }

  /// Scores the candidates and picks.
  private func schedule(_ scratch: inout RoutingScratch) throws(Rejection) -> Schedule {
    scratch.scheduling.keepsScores = scratch.request.configuration.settings.emitsScores
    guard let schedule = try scratch.request.configuration.scheduler.schedule(&scratch.scheduling) else {
      metrics.countFailedAttempt(targetModel: scratch.request.parsed.targetModel)
      throw Rejection(
        .serviceUnavailable, "the filters of the scheduling profile leave no endpoint", reason: .noEndpoints)
    }
    if scratch.request.needsCachedPrompt, schedule.decode.matchedBlocks == 0 {
      throw Rejection(
        .preconditionFailed, "no endpoint holds the beginning of the prompt, and the request prefers to fail then")
    }
    return schedule
  }

  // MARK: - Commit

  /// Records a decision in index, plugins, load, metrics and log.
  private func commit(
    _ schedule: Schedule, _ scratch: inout RoutingScratch, now: MonotonicTime
  ) -> RoutedRequest {
    let snapshot = scratch.request.snapshot
    // The endpoint that computes the prompt is the one whose cache the prediction is about.
    let computing = schedule.prefill ?? schedule.decode
    verifier.notePrompt(scratch.request, to: slot(of: computing, in: snapshot))
    let confidence = verifier.confidence(in: computing, scratch.request)
    let cached = computing.predictedTokens(of: scratch.request.parsed)
    let dispatch = ledger.dispatch(
      &scratch.request, schedule, confidence, scratch.scheduling.context, now: now)
    let pickTime = clock().duration(since: now)
    metrics.schedulerDuration.observe(pickTime)
    if decisions.isEnabled || scratch.request.trace != nil {
      let record = DecisionRecord(schedule.decode, scratch.request, cachedTokens: cached, pickTime: pickTime)
      if decisions.isEnabled { decisions.record(record) }
      scratch.request.trace?.endOrchestration(scratch.request, record)
    }
    let rewrite = scratch.request.rewrite
    return RoutedRequest(
      destination: schedule.destination(in: snapshot), scores: scores(scratch), rewrite: rewrite,
      clientModel: rewrite == nil ? nil : scratch.request.parsed.model,
      headers: schedule.effects.requestHeaders.isEmpty
        ? dispatch.headers : schedule.effects.requestHeaders + dispatch.headers, flight: dispatch.flight)
  }

  private func slot(of decision: Decision, in snapshot: PoolSnapshot) -> EndpointSlot {
    let all = snapshot.members
    return all.span[decision.picks[0]].endpoint.slot
  }

  private func scores(_ scratch: borrowing RoutingScratch) -> [(destination: String, score: Double)] {
    guard scratch.request.configuration.settings.emitsScores else { return [] }
    return scratch.scheduling.decodeScores.map { (scratch.request.snapshot.members[$0.index].destination, $0.total) }
  }

  // MARK: - Log

  /// Counts and logs a request that is answered before it reaches the pipeline.
  package func noteRejection(_ rejection: Rejection, requestID: String) {
    count(rejection, model: "", targetModel: "", fairnessID: RequestLedger.Flow.standardID, priority: 0)
    record(rejection, requestID: requestID)
  }

  /// Counts a request that the picker itself answers.
  private func count(
    _ rejection: Rejection, model: String, targetModel: String, fairnessID: String, priority: Int
  ) {
    metrics.requestSeries(model: model, targetModel: targetModel, fairnessID: fairnessID, priority: priority)
      .countError(.rejected(rejection.status))
  }

  /// Logs a request that the picker itself answers.
  ///
  /// - Parameter pickTime: time from the last event that the pick waited for to the rejection; nil when no pick was tried.
  private func record(_ rejection: Rejection, requestID: String, pickTime: Duration? = nil) {
    guard decisions.isEnabled else { return }
    decisions.record(
      DecisionRecord(requestID: requestID, pickTime: pickTime, outcome: .rejected(rejection.status)))
  }
}

extension Decision {
  /// Prompt tokens that the picked endpoint is expected to take from its cache.
  func predictedTokens(of request: InferenceRequest) -> Int {
    request.readsNoCache ? 0 : min(isExact ? reusableTokens : matchedTokens, request.promptTokens)
  }
}
