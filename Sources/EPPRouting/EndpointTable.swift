import EPPCore
import EPPMetrics
import EPPPrefixCache
import Synchronization

/// What routing keeps for each endpoint of the pool, by slot: its metric series and the cache size that was adopted.
final class EndpointTable: Sendable {
  private struct Entry {
    var slot: EndpointSlot
    var series: EndpointSeries
    var capacityTokens: Int?
    var check = PredictionCheck()
  }

  private let entries = Mutex<[Entry?]>(Array(repeating: nil, count: EndpointSlot.capacity))
  private let metrics: PickerMetrics

  init(metrics: PickerMetrics) { self.metrics = metrics }

  /// Where a request for an endpoint is counted.
  func place(of member: PoolSnapshot.Member, fairnessID: String) -> InFlightRequest.Place {
    let series = series(of: member.endpoint)
    return InFlightRequest.Place(
      slot: member.endpoint.slot, load: member.load, series: series,
      gauges: series.inFlight(fairnessID: fairnessID, priority: 0), destination: member.destination)
  }

  /// Notes the size of an endpoint's cache; whether it differs from what was noted before.
  func adoptCapacity(_ tokens: Int, of endpoint: Endpoint) -> Bool {
    _ = series(of: endpoint)
    return entries.withLock { entries in
      guard let entry = entries[endpoint.slot.index], entry.slot == endpoint.slot, entry.capacityTokens != tokens else {
        return false
      }
      entries[endpoint.slot.index]?.capacityTokens = tokens
      return true
    }
  }

  /// Holds what was predicted of an endpoint's cache against what its engine reports.
  func check(predicted: Int, reported: Int, blockTokens: Int, of slot: EndpointSlot) -> PredictionCheck.Verdict? {
    entries.withLock { entries in
      guard entries[slot.index]?.slot == slot else { return nil }
      return entries[slot.index]?.check.note(predicted: predicted, reported: reported, blockTokens: blockTokens)
    }
  }

  func remove(_ endpoint: Endpoint) {
    entries.withLock { entries in
      guard let entry = entries[endpoint.slot.index], entry.slot == endpoint.slot else { return }
      entries[endpoint.slot.index] = nil
      // An endpoint whose address has changed has a new slot and the same labels: its series stay.
      if !entries.contains(where: { $0?.series === entry.series }) { metrics.removeEndpointSeries(for: endpoint) }
    }
  }

  private func series(of endpoint: Endpoint) -> EndpointSeries {
    let known = entries.withLock { entries in
      let entry = entries[endpoint.slot.index]
      return entry?.slot == endpoint.slot ? entry?.series : nil
    }
    if let known { return known }
    // Within the lock, so that series are not taken off the page between their look-up and their entry here.
    return entries.withLock { entries in
      let made = metrics.endpointSeries(for: endpoint)
      entries[endpoint.slot.index] = Entry(slot: endpoint.slot, series: made, capacityTokens: nil)
      return made
    }
  }
}
