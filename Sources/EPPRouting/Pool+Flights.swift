import EPPCore
import EPPMetrics
import EPPPrefixCache

/// For requests in flight.
extension Pool {
  /// The answer of a request has begun: its prompt is computed.
  func settle(_ entries: PickRecord, now: MonotonicTime) {
    index.settle(entries, until: now.advanced(by: Self.settledSpeculation))
  }

  /// An engine has told how much of a prompt came from its cache, of which its own events had announced something.
  func check(predicted: Int, reported: Int, at place: InFlightRequest.Place) {
    place.series.predictionError.observe(abs(predicted - reported))
    let blockTokens = index.currentAnnouncements().blockTokens
    let verdict = endpoints.check(
      predicted: predicted, reported: reported, blockTokens: blockTokens, of: place.slot)
    guard case .wrong(let contradiction?) = verdict else { return }
    place.series.resyncs.increment()
    events.resynchronise(place.slot, contradiction)
    tokens?.distrust()
  }

  /// Takes back what a pick entered into the index.
  func forget(_ entries: PickRecord) { index.forget(entries) }

  /// Moves what a pick entered to the endpoint that served.
  func move(_ entries: PickRecord, to slot: EndpointSlot) -> PickRecord { index.move(entries, to: slot) }

  /// The endpoint with an address; nil when it is none of the pool's.
  func place(ofDestination destination: String, fairnessID: String) -> InFlightRequest.Place? {
    let snapshot = source.currentSnapshot()
    guard let index = snapshot.index(ofDestination: destination) else { return nil }
    return endpoints.place(of: snapshot.members[index], fairnessID: fairnessID)
  }
}
