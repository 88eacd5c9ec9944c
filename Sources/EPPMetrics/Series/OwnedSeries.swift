import Synchronization

/// The series of one owner, such as an endpoint; all leave the page together.
///
/// Any thread may use it. Two owners that create a series with equal label values share it, and the first owner that is removed
/// takes it off the page.
final class OwnedSeries: Sendable {
  /// A struct and not an enum with a pointer per case: that stores tagged pointers, which LeakSanitizer does not follow.
  private struct Registration {
    let family: any ReadableMetricFamily
    let values: [String]
  }

  private struct State {
    var registered: [Registration] = []
    var isRemoved = false
  }

  private let state = Mutex(State())

  /// The cell for these label values, in the order of the family's labels. It is on the page until `removeAll`; a cell
  /// requested after that is on no page.
  func cell<Cell: MetricCell>(_ family: MetricFamily<Cell>, _ values: [String]) -> Cell {
    state.withLock { state in
      guard !state.isRemoved else { return family.cellOffThePage() }
      state.registered.append(Registration(family: family, values: values))
      return family.cell(values)
    }
  }

  /// Removes all series of the owner from the page, permanently. Their cells may still be written to.
  func removeAll() {
    let registered = state.withLock { state in
      state.isRemoved = true
      defer { state.registered = [] }
      return state.registered
    }
    for registration in registered { registration.family.remove(registration.values) }
  }
}
