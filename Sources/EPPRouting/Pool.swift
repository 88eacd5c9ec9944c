package import EPPCore
package import EPPMetrics
package import EPPPrefixCache
import EPPRequests
package import EPPScheduling
import Synchronization

/// A pool of endpoints with everything that routes to it: membership, prefix index, profile, metrics.
///
/// Any thread may route; nothing here waits. `route` is the whole way of a request: read, match, schedule, record.
package final class Pool: Sendable {
  package struct Configuration: Sendable {
    /// Tokens of a prompt that are matched; the rest of a longer one is not looked up.
    package var maximumPrefixTokens = 131_072
    /// Whether all candidates' scores go into the answer.
    package var emitsScores = false
    /// Ignores the gateway's subset hint.
    package var ignoresSubset = false
    /// A cache's size in tokens where the engine does not say.
    package var defaultCacheTokens = 31_250 * 16
    /// Whether the engine's own figure is used where it gives one.
    package var learnsCacheSize = true
    /// Whether what was just sent to an endpoint whose events are followed counts before it announces it.
    package var speculates = true
    /// Whether only what engines' events say counts for requests whose tokens are known: an engine without events holds
    /// nothing of them, and what is sent there is not entered.
    package var followsEventsAlone = false

    package init() {}
  }

  let configuration: Configuration
  private let clock: @Sendable () -> MonotonicTime
  let source: any PoolSnapshotSource
  let index: PrefixIndex
  private let profiles: Mutex<SchedulingProfile>
  let metrics: PickerMetrics
  let decisions: any DecisionSink
  private let parser = RequestParser()
  let endpoints: EndpointTable
  let indexMetrics: PickerMetrics.PrefixIndexerSeries
  private let refusals = Mutex(CountedRefusals())
  let events: any CacheEventSource
  let tokens: (any PromptTokenSource)?
  let baseModels = BaseModels()
  let tokenCounts = TokenCountCheck()
  /// Nil where there is no source of tokens.
  let tokenSeries: TokenSeries?

  /// Refusals of the index that the metric shows already.
  private struct CountedRefusals {
    private var counted = 0

    mutating func advance(to total: Int) -> Int {
      defer { counted = max(counted, total) }
      return max(0, total - counted)
    }
  }

  package init(
    configuration: Configuration, source: any PoolSnapshotSource, index: PrefixIndex,
    events: any CacheEventSource = NoCacheEvents(), tokens: (any PromptTokenSource)? = nil,
    profile: SchedulingProfile, metrics: PickerMetrics, decisions: any DecisionSink,
    clock: @escaping @Sendable () -> MonotonicTime
  ) {
    self.configuration = configuration
    self.clock = clock
    self.source = source
    self.index = index
    self.events = events
    self.tokens = tokens
    tokenSeries = tokens == nil ? nil : metrics.tokenSeries()
    profiles = Mutex(profile)
    self.metrics = metrics
    self.decisions = decisions
    endpoints = EndpointTable(metrics: metrics)
    indexMetrics = metrics.prefixIndexer(pluginName: "prefix-cache-scorer", pluginType: "prefix-cache-scorer")
  }

  /// The profile that requests are scheduled with from now on.
  package var profile: SchedulingProfile {
    get { profiles.withLock { $0 } }
    set { profiles.withLock { $0 = newValue } }
  }

  /// What a worker thread keeps for its requests.
  package func makeScratch() -> RoutingScratch {
    var generator = SystemRandomNumberGenerator()
    return RoutingScratch(seed: generator.next())
  }

  /// An endpoint has left: what is known of its cache goes.
  package func remove(_ endpoint: Endpoint) {
    index.remove(endpoint.slot)
    endpoints.remove(endpoint)
  }

  /// An endpoint has appeared, of which an earlier process knew what had been sent there. Before its first pick.
  package func restore(_ snapshot: RoutedSnapshot, to endpoint: Endpoint) {
    // One that has left already, or a file that contradicts itself: nothing is known then.
    try? index.restore(snapshot, to: endpoint.slot)
  }

  /// Brings the index up to what engines say of the size of their caches, and goes on with what it does in the background;
  /// cheap, to be called about once a second.
  package func maintain() {
    index.maintain(now: clock())
    for member in source.currentSnapshot().members {
      let reported = configuration.learnsCacheSize ? member.metrics.cacheCapacityTokens : nil
      let tokens = reported ?? configuration.defaultCacheTokens
      if endpoints.adoptCapacity(tokens, of: member.endpoint) {
        index.setCapacity(tokens: tokens, of: member.endpoint.slot)
      }
      if let tokens = member.metrics.cacheBlockTokens, endpoints.adoptBlockTokens(tokens, of: member.endpoint) {
        index.setBlockTokens(tokens, of: member.endpoint.slot)
      }
      if let time = member.metrics.processStartTime, endpoints.adoptStart(time, of: member.endpoint) {
        events.noteStart(of: member.endpoint.slot, at: time)
      }
      switch endpoints.checkCounters(of: member) {
      case .wrong(_, let contradiction?): resynchronise(member.endpoint, contradiction)
      case .nothingMatches: events.noteUnmatched(member.endpoint.slot)
      case .right, .wrong, nil: break
      }
    }
    let statistics = index.currentStatistics()
    indexMetrics.size.set(statistics.pairs)
    indexMetrics.blocks.set(statistics.blocks)
    indexMetrics.bytes.set(statistics.bytes)
    indexMetrics.refusals.increment(by: refusals.withLock { $0.advance(to: statistics.refused) })
  }

  /// What is known of an endpoint's cache has proved wrong.
  private func resynchronise(_ endpoint: Endpoint, _ contradiction: CacheContradiction) {
    metrics.endpointSeries(for: endpoint).resyncs.increment()
    events.resynchronise(endpoint.slot, contradiction)
  }

  // MARK: - The way of a request

  /// Decides where a request goes, and counts it as there.
  ///
  /// - Parameters:
  ///   - input: how much of the body there is.
  ///   - body: its bytes.
  ///   - seesResponse: whether the request's end will be told to the returned flight.
  ///   - tokens: how far the request has come with its token ids; nil when it is not to wait for any.
  package func route(
    _ arrival: RequestArrival, input: ReceivedBody, body: RawSpan, seesResponse: Bool,
    tokens stage: TokenStage? = nil, scratch: inout RoutingScratch, now: MonotonicTime
  ) -> RouteOutcome {
    defer { scratch.trim() }
    do {
      var request = try read(arrival, input, body, &scratch)
      if input == .whole, let stage, let pending = render(&request, body, stage, &scratch, now: now) {
        return .waiting(pending)
      }
      return .routed(try route(request, arrival, seesResponse, &scratch, now))
    } catch {
      noteRejection(error, requestID: arrival.context.requestID, receivedAt: arrival.receivedAt, now: now)
      return .refused(error)
    }
  }

  private func read(
    _ arrival: RequestArrival, _ input: ReceivedBody, _ body: RawSpan, _ scratch: inout RoutingScratch
  ) throws(Rejection) -> InferenceRequest {
    let headers = arrival.context.headers
    let api = RequestPath.api(of: RequestPath.path(of: headers))
    var request: InferenceRequest
    switch input {
    case .none:
      scratch.prompt.removeAll()
      request = InferenceRequest(api: .passthrough)
    case .whole:
      request = try parser.parse(api: api, body: body, prompt: &scratch.prompt)
    case .beginning:
      // What the gateway's buffer cut off is no mistake of the client's: such a body is routed without its prompt.
      do {
        request = try parser.parse(api: api, body: body, prompt: &scratch.prompt)
      } catch {
        scratch.prompt.removeAll()
        request = InferenceRequest(api: .passthrough, bodyBytes: body.byteCount)
      }
    }
    if let model = headers.first(HeaderName.modelRewrite, or: HeaderName.modelRewriteOld), !model.isEmpty {
      request.targetModel = model
    }
    return request
  }

  private func route(
    _ request: InferenceRequest, _ arrival: RequestArrival, _ seesResponse: Bool, _ scratch: inout RoutingScratch,
    _ now: MonotonicTime
  ) throws(Rejection) -> RoutedRequest {
    let snapshot = source.currentSnapshot()
    let profile = profile
    var context = arrival.context
    if configuration.ignoresSubset { context.subset = .absent }
    profile.selectCandidates(snapshot, context, &scratch.scheduling)
    guard !scratch.scheduling.candidates.isEmpty else {
      metrics.countFailedAttempt(targetModel: request.targetModel)
      throw Rejection(
        .serviceUnavailable,
        snapshot.members.isEmpty
          ? "no endpoint is known to the endpoint picker"
          : "no endpoint of the pool is in the subset that the gateway asks for", reason: .noEndpoints)
    }
    match(request, profile, snapshot, &scratch)
    guard let decision = profile.schedule(snapshot, request, context, now: now, &scratch.scheduling),
      let pick = decision.picks.first
    else {
      throw Rejection(.serviceUnavailable, "no endpoint is known to the endpoint picker", reason: .noEndpoints)
    }
    return commit(decision, snapshot.members[pick], request, arrival, snapshot, profile, seesResponse, &scratch, now)
  }

  /// Finds what each endpoint holds of the request's prompts: by their text, by the token ids that it carries, or by its
  /// text and the token ids that were found for it.
  private func match(
    _ request: InferenceRequest, _ profile: SchedulingProfile, _ snapshot: PoolSnapshot, _ scratch: inout RoutingScratch
  ) {
    let hasPrompt = profile.usesPrefixes && !scratch.prompt.prompts.isEmpty
    let isTokens = scratch.prompt.isTokens
    let isRendered = scratch.rendered.isTokens
    guard hasPrompt else {
      scratch.textQuery.removeAll()
      scratch.tokenQuery.removeAll()
      scratch.scheduling.match.begin(hasText: false, hasTokens: false, followed: .empty)
      return
    }
    let announcements = isTokens || isRendered ? index.currentAnnouncements() : PrefixIndex.Announcements()
    scratch.announcements = announcements
    let isMatchedByText = !isTokens && !(isRendered && configuration.followsEventsAlone)
    scratch.scheduling.match.begin(
      hasText: isMatchedByText, hasTokens: isTokens || isRendered, followed: announcements.followed)
    if isTokens || isRendered {
      scratch.loRAName = loRAName(request.targetModel, announcements, snapshot)
      scratch.tokenQuery.begin(
        for: isTokens ? scratch.prompt : scratch.rendered, request: request, hasher: index.hasher,
        maximumTokens: configuration.maximumPrefixTokens,
        blockTokens: announcements.followed.isEmpty ? index.limits.textBlockTokens : announcements.blockTokens,
        loRAName: scratch.loRAName)
      index.match(&scratch.tokenQuery, into: &scratch.scheduling.match.tokens)
    } else {
      scratch.tokenQuery.removeAll()
    }
    if isTokens {
      scratch.textQuery.removeAll()
    } else {
      scratch.textQuery.begin(
        for: scratch.prompt, request: request, hasher: index.hasher, maximumTokens: configuration.maximumPrefixTokens,
        blockTokens: index.limits.textBlockTokens)
      if isMatchedByText { index.match(&scratch.textQuery, into: &scratch.scheduling.match.text) }
    }
  }

  /// Enters the prompts where they go.
  private func record(
    _ slot: EndpointSlot, _ seesResponse: Bool, _ scratch: inout RoutingScratch, _ now: MonotonicTime
  ) -> InFlightRequest.Entries {
    var entries = InFlightRequest.Entries()
    let isFollowed = scratch.scheduling.match.followed.contains(slot)
    // Where events are followed the text is entered too: the next request's tokens may not be there in time.
    let isEnteredByText = isFollowed || !(configuration.followsEventsAlone && scratch.rendered.isTokens)
    if scratch.textQuery.blockCount > 0, isEnteredByText {
      entries.text = index.record(&scratch.textQuery, at: slot)
    }
    guard scratch.tokenQuery.blockCount > 0 else { return entries }
    if !isFollowed {
      // A text that was sent there is entered by its bytes.
      if !configuration.followsEventsAlone, scratch.textQuery.blockCount == 0 {
        entries.tokens = index.record(&scratch.tokenQuery, at: slot)
      }
    } else if configuration.speculates {
      let time = seesResponse ? Self.longestSpeculation : Self.blindSpeculation
      entries.tokens = index.record(
        &scratch.tokenQuery, at: slot, as: .speculative(until: now.advanced(by: time)))
    }
    return entries
  }

  /// How long a pick's blocks count at most without being announced: while its answer has not begun, and when its answer
  /// is not seen (the anchor's `speculativeTTL`).
  private static let longestSpeculation = Duration.seconds(60)
  private static let blindSpeculation = Duration.seconds(2)
  /// The same from the answer's first token on: the prompt is computed, and its blocks are announced with that step.
  static let settledSpeculation = Duration.seconds(1)

  /// Enters a decision everywhere: index, session, load, metrics, log.
  private func commit(
    _ decision: Decision, _ member: PoolSnapshot.Member, _ request: InferenceRequest, _ arrival: RequestArrival,
    _ snapshot: PoolSnapshot, _ profile: SchedulingProfile, _ seesResponse: Bool, _ scratch: inout RoutingScratch,
    _ now: MonotonicTime
  ) -> RoutedRequest {
    let slot = member.endpoint.slot
    let isSeen = seesResponse || ModelRewrite(request) != nil
    tellPrompt(request, slot, scratch)
    let entries = record(slot, isSeen, &scratch, now)
    countSession(profile.bindSession(arrival.context, to: slot, now: now))
    let matched = decision.isExact ? decision.reusableTokens : decision.matchedTokens
    let cached = request.readsNoCache ? 0 : min(matched, request.promptTokens)
    let headers = arrival.context.headers
    let fairnessID = headers.first(HeaderName.fairnessID, or: HeaderName.fairnessIDOld) ?? "default-flow"
    let place = endpoints.place(of: member, fairnessID: fairnessID)
    let series = metrics.requestSeries(
      model: request.model, targetModel: request.targetModel, fairnessID: fairnessID, priority: 0)
    count(request, decision, cached, place, series)
    let foundation = foundation(decision, request, member, scratch)
    if foundation.isExact {
      place.series.prefixExactTokens.increment(by: request.promptTokens)
      place.series.prefixAnnouncedTokens.increment(by: min(decision.announcedTokens, cached))
    }

    let facts = InFlightRequest.Facts(
      receivedAt: arrival.receivedAt, promptTokens: request.promptTokens, predictedCachedTokens: cached,
      model: request.targetModel, isAnnounced: foundation.isAnnounced,
      isAnnouncedForBase: foundation.isAnnouncedForBase, rendered: scratch.renderedKind,
      isGeneration: request.api == .chatCompletions || request.api == .completions)
    let rewrite = ModelRewrite(request)
    var flight: InFlightRequest?
    // An answer that has to be changed is seen in any case.
    if isSeen {
      flight = InFlightRequest(
        pool: self, fairnessID: fairnessID, facts: facts, series: series, place: place, entries: entries)
    } else {
      member.load.dispatchUntracked(uncachedTokens: facts.uncachedTokens)
    }
    let pickTime = clock().duration(since: now)
    metrics.schedulerDuration.observe(pickTime)
    if decisions.isEnabled { record(decision, snapshot, request, arrival, cached, pickTime) }
    let destination =
      decision.picks.count == 1
      ? member.destination : decision.picks.map { snapshot.members[$0].destination }.joined(separator: ",")
    return RoutedRequest(
      destination: destination, scores: scores(snapshot, scratch.scheduling), rewrite: rewrite,
      clientModel: rewrite == nil ? nil : request.model, flight: flight)
  }

  private func scores(
    _ snapshot: PoolSnapshot, _ scratch: borrowing SchedulingScratch
  ) -> [(destination: String, score: Double)] {
    guard configuration.emitsScores else { return [] }
    var result: [(destination: String, score: Double)] = []
    for (position, candidate) in scratch.candidates.enumerated() {
      result.append((snapshot.members[candidate].destination, scratch.totals[position]))
    }
    return result
  }
}
