import EPPCore
import EPPMetrics
import EPPPrefixCache

/// For requests in flight.
extension Pool {
  /// The answer of a request has begun: its prompt is computed.
  func settle(_ entries: PickRecord, now: MonotonicTime) {
    index.settle(entries, until: now.advanced(by: Self.settledSpeculation))
  }

  /// Tokens of a prompt that an answer says came from the engine's cache.
  func cachedTokens(_ usage: TokenUsage, _ facts: InFlightRequest.Facts, at place: InFlightRequest.Place) -> Int? {
    // Other APIs name them always, or never.
    guard facts.isGeneration else { return usage.cachedTokens }
    return endpoints.cachedTokens(usage, of: place.slot)
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
