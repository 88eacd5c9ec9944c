import EPPCore
import EPPMetrics
import Synchronization

/// What one session plugin needs of the endpoints that it has seen, made once for each. Any thread may use it; it takes a lock for a
/// few instructions.
final class SessionEndpoints: Sendable {
  /// One endpoint.
  struct Known: Sendable {
    let slot: EndpointSlot
    /// The address as text, `ip:port`.
    let destination: String
    /// llm-d's token: `<namespace>/<name>` in base64.
    let token: String
    /// Nil where nothing is counted.
    let series: SessionSeries?
  }

  /// By the index of the slot; as long as the greatest index seen.
  private let all = Mutex<[Known?]>([])
  private let metrics: PickerMetrics?

  /// - Parameter metrics: nil counts nothing.
  init(metrics: PickerMetrics?) { self.metrics = metrics }

  /// The endpoint's values, made when it is seen for the first time.
  func known(_ endpoint: Endpoint) -> Known {
    if let known = known(endpoint.slot) { return known }
    let made = Known(
      slot: endpoint.slot, destination: endpoint.address.description, token: EndpointToken.text(of: endpoint),
      series: metrics?.endpointSeries(for: endpoint).sessions)
    all.withLock { all in
      let missing = endpoint.slot.index + 1 - all.count
      if missing > 0 { all.append(contentsOf: repeatElement(nil, count: missing)) }
      all[endpoint.slot.index] = made
    }
    return made
  }

  /// The values of an endpoint that was seen before; nil for others.
  func known(_ slot: EndpointSlot) -> Known? {
    all.withLock { all in
      guard slot.index < all.count, let known = all[slot.index], known.slot == slot else { return nil }
      return known
    }
  }
}

extension SessionSeries {
  /// Counts a request of a session.
  func count(_ outcome: SessionTable.Outcome) {
    switch outcome {
    case .new: new.increment()
    case .kept: kept.increment()
    case .moved: moved.increment()
    }
  }
}
