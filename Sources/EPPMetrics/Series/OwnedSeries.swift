import Synchronization

/// The series of one owner, such as an endpoint: each is remembered when it is made, and all leave the page together.
///
/// Any thread may use it. Two owners that make a series with the same label values share it, and the first one that goes takes it
/// off the page.
final class OwnedSeries: Sendable {
  /// A struct, for an enum of two pointers hides them in tagged words, where LeakSanitizer does not find them.
  private struct Registration {
    let family: any ReadableMetricFamily
    let values: [String]
  }

  private struct State {
    var registered: [Registration] = []
    var isRemoved = false
  }

  private let state = Mutex(State())

  /// The cell for these label values, in the order of the family's labels; on the page until `removeAll`, and on none after that.
  func cell<Cell: MetricCell>(_ family: MetricFamily<Cell>, _ values: [String]) -> Cell {
    state.withLock { state in
      guard !state.isRemoved else { return family.cellOffThePage() }
      state.registered.append(Registration(family: family, values: values))
      return family.cell(values)
    }
  }

  /// Takes all series of the owner off the page, for good. Whoever still holds a cell may go on writing to it.
  func removeAll() {
    let registered = state.withLock { state in
      state.isRemoved = true
      defer { state.registered = [] }
      return state.registered
    }
    for registration in registered { registration.family.remove(registration.values) }
  }
}
