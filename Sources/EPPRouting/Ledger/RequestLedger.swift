import EPPCore
import EPPMetrics
import EPPPrefixCache
import EPPScheduling

/// Records dispatched requests in load, index, plugins and metrics, and corrects the records by their answers. Any thread may
/// use it.
package final class RequestLedger: Sendable {
  private let source: any PoolSnapshotSource
  private let index: PrefixIndex
  private let endpoints: EndpointSeriesTable
  private let verifier: CacheVerifier
  private let metrics: PickerMetrics
  private let indexSeries: PickerMetrics.PrefixIndexerSeries
  private let predictions: PrefixPredictionSeries

  /// How long a pick's blocks count without being announced while its answer has not begun.
  private static let longestSpeculation = Duration.seconds(60)
  /// How long a pick's blocks count without being announced when its answer is not seen (llm-d's `speculativeTTL`).
  private static let blindSpeculation = Duration.seconds(2)
  /// How long a pick's blocks count without being announced after the answer's first token: the prompt is computed, and its
  /// blocks are announced with that step.
  private static let settledSpeculation = Duration.seconds(1)

  init(
    source: any PoolSnapshotSource, index: PrefixIndex, endpoints: EndpointSeriesTable, verifier: CacheVerifier,
    metrics: PickerMetrics, indexSeries: PickerMetrics.PrefixIndexerSeries, predictions: PrefixPredictionSeries
  ) {
    self.source = source
    self.index = index
    self.endpoints = endpoints
    self.verifier = verifier
    self.metrics = metrics
    self.indexSeries = indexSeries
    self.predictions = predictions
  }

  /// The class of requests that a request belongs to, for the metrics of its load.
  struct Flow: Sendable {
    var fairnessID: String
    var priority: Int

    /// The fairness id of requests that name none, as in llm-d.
    static let standardID = "default-flow"

    /// The fairness id of a request: what its header says, else the session of an agent where those are recognised.
    static func fairnessID(of request: borrowing RoutingRequest) -> String {
      let headers = request.context.headers
      if let agents = request.configuration.settings.agents {
        return agents.fairnessID(of: headers).map(String.init) ?? standardID
      }
      return headers.first(HeaderName.fairnessID, or: HeaderName.fairnessIDOld) ?? standardID
    }
  }

  /// Records that a request is sent to an endpoint.
  ///
  /// - Parameters:
  ///   - schedule: the decisions; load and index entries are recorded for each of them.
  ///   - context: what the request was scheduled by.
  /// - Returns: the request in flight, nil when its end is not seen; and the headers that plugins set on it.
  func dispatch(
    _ request: inout RoutingRequest, _ schedule: Schedule, _ confidence: CacheVerifier.Confidence,
    _ context: borrowing SchedulingContext, now: MonotonicTime
  ) -> (flight: InFlightRequest?, headers: [RequestHeaders.Field]) {
    // Members are large, and an argument would be a copy.
    let all = request.snapshot.members
    let members = all.span
    let picked = schedule.decode.picks[0]
    let slot = members[picked].endpoint.slot
    let followed = context.match.followed
    let parsed = request.parsed
    // An answer that has to be changed is seen in any case.
    let isSeen = request.seesResponse || request.rewrite != nil
    let entries = record(&request, slot, isFollowed: followed.contains(slot), isSeen: isSeen, now)
    let flow = Flow(fairnessID: Flow.fairnessID(of: request), priority: request.priority)
    var helpers: [InFlightRequest.HelpingEndpoint] = []
    for other in schedule.others {
      helpers.append(help(&request, other, members, flow, followed: followed, isSeen: isSeen, now: now))
    }
    let effects = notify(&request, schedule, context, members, now: now)
    let serving = serving(of: picked, in: members, flow)
    let series = metrics.requestSeries(
      model: parsed.model, targetModel: parsed.targetModel, fairnessID: flow.fairnessID,
      priority: flow.priority)
    if let rule = request.rewriteRule {
      metrics.countRewrite(by: rule, model: parsed.model, targetModel: parsed.targetModel)
    }
    if let type = schedule.effects.decisionType, let handler = request.configuration.scheduler.configuration.handler {
      metrics.countDisaggregation(
        pluginName: handler.name, pluginType: handler.descriptor.type, model: parsed.targetModel, decisionType: type)
    }
    let computing = schedule.prefill ?? schedule.decode
    let predicted = computing.predictedTokens(of: parsed)
    let computer = computing.picks[0]
    let computingEndpoint = schedule.prefill == nil ? serving : self.serving(of: computer, in: members, flow)
    count(parsed, computing, predicted, serving, computingEndpoint, series)
    notePrediction(parsed, computing, predicted, schedule.prefill == nil ? .decode : .prefill, context)
    verifier.noteDispatch(
      tokens: parsed.promptTokens, predicted: predicted, announced: min(computing.announcedTokens, predicted),
      confidence, computingEndpoint)
    // Where another endpoint computes the prompt, this one gets it computed.
    let uncached = schedule.prefill == nil ? max(0, parsed.promptTokens - predicted) : 0
    guard isSeen else {
      members[picked].load.dispatchUntracked(uncachedTokens: uncached)
      for helper in helpers { helper.serving.load.dispatchUntracked(uncachedTokens: helper.uncachedTokens) }
      // Nobody will hear of it again.
      for follower in effects.followers { follower.ended(.unseen, now: now) }
      return (nil, effects.requestHeaders)
    }
    let dispatched = InFlightRequest.DispatchRecord(
      receivedAt: request.receivedAt, promptTokens: parsed.promptTokens, predictedCachedTokens: predicted,
      uncachedTokens: uncached, model: parsed.targetModel, confidence: confidence, rendered: request.renderedKind,
      api: parsed.api)
    var followers = effects.followers
    if let trace = request.trace { followers.append(TraceFollower(trace)) }
    let flight = InFlightRequest(
      ledger: self, verifier: verifier, flow: flow, dispatched: dispatched,
      speculates: request.configuration.settings.speculates, series: series, serving: serving,
      computing: members[computer].endpoint.slot, entries: entries,
      helpingSeries: schedule.prefill == nil ? nil : computingEndpoint.series, helpers: helpers, followers: followers)
    return (flight, effects.requestHeaders)
  }

  /// Observes what was predicted of the prompt, at the picked endpoint and at others.
  private func notePrediction(
    _ request: borrowing InferenceRequest, _ computing: borrowing Decision, _ predicted: Int,
    _ role: PrefixPredictionSeries.Role, _ context: borrowing SchedulingContext
  ) {
    guard request.promptTokens > 0, computing.totalBlocks > 0 else { return }
    var best = max(predicted, min(computing.bestMatchedTokens, request.promptTokens))
    let bestPredicted = best
    if computing.candidateCount < context.snapshot.members.count {
      let all = context.snapshot.members
      let members = all.span
      for index in members.indices {
        best = max(best, min(context.match.matchedTokens(members[index].endpoint.slot), request.promptTokens))
      }
    }
    predictions.observe(
      PrefixPredictionSeries.Tokens(
        prompt: request.promptTokens, predicted: predicted, bestPredicted: bestPredicted, bestAvailable: best),
      role, media: request.media)
  }

  /// Records that another endpoint serves a stage of the request.
  private func help(
    _ request: inout RoutingRequest, _ stage: Schedule.StageDecision, _ members: Span<PoolSnapshot.Member>,
    _ flow: Flow,
    followed: SlotSet, isSeen: Bool, now: MonotonicTime
  ) -> InFlightRequest.HelpingEndpoint {
    let helper = stage.decision.picks[0]
    let slot = members[helper].endpoint.slot
    let computes = stage.stage == .prefill
    // An encoder holds no part of the prompt in a KV cache.
    let entries =
      computes
      ? record(&request, slot, isFollowed: followed.contains(slot), isSeen: isSeen, now) : InFlightRequest.Entries()
    let predicted = stage.decision.predictedTokens(of: request.parsed)
    return InFlightRequest.HelpingEndpoint(
      serving: serving(of: helper, in: members, flow), entries: entries,
      uncachedTokens: computes ? max(0, request.parsed.promptTokens - predicted) : 0)
  }

  /// Notifies plugins of the picks.
  private func notify(
    _ request: inout RoutingRequest, _ schedule: Schedule, _ context: borrowing SchedulingContext,
    _ members: Span<PoolSnapshot.Member>, now: MonotonicTime
  ) -> PickEffects {
    let scheduler = request.configuration.scheduler
    guard scheduler.hasObservers else { return PickEffects() }
    let all = request.snapshot.members
    let pick = PickedRequest(
      request: request.parsed, context: request.context, endpoint: members[schedule.decode.picks[0]].endpoint,
      isCold: schedule.decode.isCold,
      others: schedule.others.map {
        PickedRequest.StagePick(
          stage: $0.stage, endpoint: all[$0.decision.picks[0]].endpoint, isCold: $0.decision.isCold)
      }, now: now)
    return request.textQuery.blockCount > 0
      ? scheduler.picked(pick, context, &request.textQuery) : scheduler.picked(pick, context, &request.tokenQuery)
  }

  /// Enters the prompts into the index.
  private func record(
    _ request: inout RoutingRequest, _ slot: EndpointSlot, isFollowed: Bool, isSeen: Bool, _ now: MonotonicTime
  ) -> InFlightRequest.Entries {
    let settings = request.configuration.settings
    var entries = InFlightRequest.Entries()
    // Where events are followed the text is entered too: the next request's tokens may not be there in time.
    let isEnteredByText = isFollowed || !(settings.followsEventsAlone && request.rendered.isTokens)
    if request.textQuery.blockCount > 0, isEnteredByText {
      entries.text = index.record(&request.textQuery, at: slot)
    }
    guard request.tokenQuery.blockCount > 0 else { return entries }
    if !isFollowed {
      // A text that was sent there is entered by its bytes.
      if !settings.followsEventsAlone, request.textQuery.blockCount == 0 {
        entries.tokens = index.record(&request.tokenQuery, at: slot)
      }
    } else if settings.speculates {
      let time = isSeen ? Self.longestSpeculation : Self.blindSpeculation
      entries.tokens = index.record(
        &request.tokenQuery, at: slot, as: .speculative(until: now.advanced(by: time)))
    }
    return entries
  }

  // MARK: - For requests in flight

  /// Shortens the time of a pick's speculative entries, because its answer has begun and its prompt is computed.
  func settle(_ entries: PickRecord, now: MonotonicTime) {
    index.settle(entries, until: now.advanced(by: Self.settledSpeculation))
  }

  /// Removes a pick's entries from the index.
  func forget(_ entries: PickRecord) { index.forget(entries) }

  /// Moves a pick's entries to the endpoint that served the request.
  func move(_ entries: PickRecord, to slot: EndpointSlot) -> PickRecord { index.move(entries, to: slot) }

  /// The endpoint with an address; nil when the pool has none.
  func serving(ofDestination destination: String, _ flow: Flow) -> InFlightRequest.ServingEndpoint? {
    let snapshot = source.currentSnapshot()
    guard let index = snapshot.index(ofDestination: destination) else { return nil }
    let all = snapshot.members
    return serving(of: index, in: all.span, flow)
  }

  private func serving(
    of index: Int, in members: Span<PoolSnapshot.Member>, _ flow: Flow
  ) -> InFlightRequest.ServingEndpoint {
    let series = endpoints.series(of: members[index].endpoint)
    return InFlightRequest.ServingEndpoint(
      slot: members[index].endpoint.slot, load: members[index].load, series: series,
      gauges: series.inFlight(fairnessID: flow.fairnessID, priority: flow.priority),
      destination: members[index].destination)
  }

  // MARK: - Counting

  private func count(
    _ request: InferenceRequest, _ decision: Decision, _ predicted: Int, _ serving: InFlightRequest.ServingEndpoint,
    _ computing: InFlightRequest.ServingEndpoint, _ series: RequestSeries
  ) {
    series.requests.increment()
    series.requestSize.observe(request.bodyBytes)
    serving.series.attempts(targetModel: request.targetModel).increment()
    guard request.promptTokens > 0 else { return }
    computing.series.prefixQueriedTokens.increment(by: request.promptTokens)
    computing.series.prefixHitTokensPredicted.increment(by: predicted)
    guard decision.totalBlocks > 0 else { return }
    indexSeries.hitRatio.observe(ratio: Double(decision.matchedBlocks) / Double(decision.totalBlocks))
    indexSeries.hitBytes.observe(4 * decision.matchedTokens)
  }
}
