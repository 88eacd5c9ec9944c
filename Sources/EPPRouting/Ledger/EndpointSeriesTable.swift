import EPPCore
import EPPMetrics
import Synchronization

/// The metric series of each endpoint of the pool, by slot. Any thread may use it.
final class EndpointSeriesTable: Sendable {
  private struct Entry {
    var slot: EndpointSlot
    var series: EndpointSeries
  }

  private let entries = Mutex<[Entry?]>(Array(repeating: nil, count: EndpointSlot.capacity))
  private let metrics: PickerMetrics

  init(metrics: PickerMetrics) { self.metrics = metrics }

  /// The series of an endpoint, created when there are none. Takes a lock.
  func series(of endpoint: borrowing Endpoint) -> EndpointSeries {
    let slot = endpoint.slot
    let known = entries.withLock { entries in
      let entry = entries[slot.index]
      return entry?.slot == slot ? entry?.series : nil
    }
    if let known { return known }
    // Within the lock, so that series are not taken off the page between their look-up and their entry here.
    let added = copy endpoint
    return entries.withLock { entries in
      let made = metrics.endpointSeries(for: added)
      entries[slot.index] = Entry(slot: slot, series: made)
      return made
    }
  }

  /// Removes the series of an endpoint that has left the pool.
  func remove(_ endpoint: Endpoint) {
    entries.withLock { entries in
      guard let entry = entries[endpoint.slot.index], entry.slot == endpoint.slot else { return }
      entries[endpoint.slot.index] = nil
      // An endpoint whose address has changed has a new slot and the same labels: its series stay.
      if !entries.contains(where: { $0?.series === entry.series }) { metrics.removeEndpointSeries(for: endpoint) }
    }
  }
}
