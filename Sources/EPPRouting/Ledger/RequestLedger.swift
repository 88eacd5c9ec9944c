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

  /// How long a pick's blocks count without being announced while its answer has not begun.
  private static let longestSpeculation = Duration.seconds(60)
  /// How long a pick's blocks count without being announced when its answer is not seen (llm-d's `speculativeTTL`).
  private static let blindSpeculation = Duration.seconds(2)
  /// How long a pick's blocks count without being announced after the answer's first token: the prompt is computed, and its
  /// blocks are announced with that step.
  private static let settledSpeculation = Duration.seconds(1)

  init(
    source: any PoolSnapshotSource, index: PrefixIndex, endpoints: EndpointSeriesTable, verifier: CacheVerifier,
    metrics: PickerMetrics, indexSeries: PickerMetrics.PrefixIndexerSeries
  ) {
    self.source = source
    self.index = index
    self.endpoints = endpoints
    self.verifier = verifier
    self.metrics = metrics
    self.indexSeries = indexSeries
  }

  /// The class of requests that a request belongs to, for the metrics of its load.
  struct Flow: Sendable {
    var fairnessID: String
    var priority: Int
  }

  /// Records that a request is sent to an endpoint.
  ///
  /// - Parameter followed: endpoints that were matched by their events.
  /// - Returns: the request in flight, nil when its end is not seen; and the headers that plugins set on it.
  func dispatch(
    _ request: inout RoutingRequest, _ decision: Decision, _ confidence: CacheVerifier.Confidence, followed: SlotSet,
    to member: PoolSnapshot.Member, now: MonotonicTime
  ) -> (flight: InFlightRequest?, headers: [RequestHeaders.Field]) {
    let slot = member.endpoint.slot
    let parsed = request.parsed
    // An answer that has to be changed is seen in any case.
    let isSeen = request.seesResponse || request.rewrite != nil
    let entries = record(&request, slot, isFollowed: followed.contains(slot), isSeen: isSeen, now)
    var effects = PickEffects()
    if request.configuration.profile.hasObservers {
      effects = request.configuration.profile.picked(
        PickedRequest(request: parsed, context: request.context, endpoint: member.endpoint, now: now))
    }
    let headers = request.context.headers
    let flow = Flow(
      fairnessID: headers.first(HeaderName.fairnessID, or: HeaderName.fairnessIDOld) ?? "default-flow",
      priority: request.priority)
    let serving = serving(of: member, flow)
    let series = metrics.requestSeries(
      model: parsed.model, targetModel: parsed.targetModel, fairnessID: flow.fairnessID,
      priority: flow.priority)
    if let rule = request.rewriteRule {
      metrics.countRewrite(by: rule, model: parsed.model, targetModel: parsed.targetModel)
    }
    let predicted = decision.predictedTokens(of: parsed)
    count(parsed, decision, predicted, serving, series)
    verifier.noteDispatch(
      tokens: parsed.promptTokens, predicted: predicted, announced: min(decision.announcedTokens, predicted),
      confidence, serving)
    guard isSeen else {
      member.load.dispatchUntracked(uncachedTokens: max(0, parsed.promptTokens - predicted))
      // Nobody will hear of it again.
      for follower in effects.followers { follower.ended(.unseen, now: now) }
      return (nil, effects.requestHeaders)
    }
    let dispatched = InFlightRequest.DispatchRecord(
      receivedAt: request.receivedAt, promptTokens: parsed.promptTokens, predictedCachedTokens: predicted,
      model: parsed.targetModel, confidence: confidence, rendered: request.renderedKind,
      isGeneration: parsed.api == .chatCompletions || parsed.api == .completions)
    let flight = InFlightRequest(
      ledger: self, verifier: verifier, flow: flow, dispatched: dispatched,
      speculates: request.configuration.settings.speculates, series: series, serving: serving, entries: entries,
      followers: effects.followers)
    return (flight, effects.requestHeaders)
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
    return serving(of: snapshot.members[index], flow)
  }

  private func serving(of member: PoolSnapshot.Member, _ flow: Flow) -> InFlightRequest.ServingEndpoint {
    let series = endpoints.series(of: member.endpoint)
    return InFlightRequest.ServingEndpoint(
      slot: member.endpoint.slot, load: member.load, series: series,
      gauges: series.inFlight(fairnessID: flow.fairnessID, priority: flow.priority), destination: member.destination)
  }

  // MARK: - Counting

  private func count(
    _ request: InferenceRequest, _ decision: Decision, _ predicted: Int, _ serving: InFlightRequest.ServingEndpoint,
    _ series: RequestSeries
  ) {
    series.requests.increment()
    series.requestSize.observe(request.bodyBytes)
    serving.series.attempts(targetModel: request.targetModel).increment()
    guard request.promptTokens > 0 else { return }
    serving.series.prefixQueriedTokens.increment(by: request.promptTokens)
    serving.series.prefixHitTokensPredicted.increment(by: predicted)
    guard decision.totalBlocks > 0 else { return }
    indexSeries.hitRatio.observe(ratio: Double(decision.matchedBlocks) / Double(decision.totalBlocks))
    indexSeries.hitBytes.observe(4 * decision.matchedTokens)
  }
}
