import Synchronization

/// Bounds the memory of the request bodies that are held at one time, over all requests (`--max-buffered-bytes`).
package final class BodyBudget: Sendable {
  private let held = Atomic<Int>(0)
  /// Bytes.
  package let limit: Int

  package init(limit: Int) { self.limit = limit }

  /// Bytes held now.
  package var heldBytes: Int { held.load(ordering: .relaxed) }

  /// Takes `byteCount` bytes; false, and nothing taken, when they do not fit. One that does not fit is at no moment in the way
  /// of another that does.
  package func take(_ byteCount: Int) -> Bool {
    var current = held.load(ordering: .relaxed)
    while byteCount <= limit - current {
      let result = held.weakCompareExchange(
        expected: current, desired: current + byteCount, ordering: .relaxed)
      if result.exchanged { return true }
      current = result.original
    }
    return false
  }

  package func giveBack(_ byteCount: Int) {
    if byteCount > 0 { held.wrappingSubtract(byteCount, ordering: .relaxed) }
  }
}

/// The memory of one request's body, counted in the budget for as long as somebody holds this.
///
/// One thread at a time; the last reference may go on any thread.
package final class BodyReservation {
  /// Bytes that are taken at first: a body in small chunks is moved seldom, and a stream that stops early costs little.
  private static let smallest = 4096
  private static let large = 128 << 10

  private let budget: BodyBudget
  /// The length that the client has announced; bodies of clients that lie grow all the same.
  private let expectedCount: Int?
  /// Bytes that there is room for.
  package private(set) var capacity = 0
  /// Bytes of the body so far.
  package private(set) var count = 0

  package init(budget: BodyBudget, expectedCount: Int?) {
    self.budget = budget
    self.expectedCount = expectedCount
  }

  deinit { budget.giveBack(capacity) }

  /// Makes room for more bytes of the body; false, and nothing changed, when the budget has none.
  package func add(_ byteCount: Int) -> Bool {
    let wanted = count + byteCount
    guard wanted <= capacity || grow(to: wanted) else { return false }
    count = wanted
    return true
  }

  private func grow(to wanted: Int) -> Bool {
    // Small bodies are moved seldom. Of large ones no more than a quarter is spare: the system moves them without copying.
    var larger = max(wanted, Self.smallest, capacity < Self.large ? 2 * capacity : capacity + capacity / 4)
    // Towards an end that is announced in larger steps, and not beyond it.
    if let expectedCount, wanted <= expectedCount { larger = min(expectedCount, max(larger, 4 * capacity)) }
    if !budget.take(larger - capacity) {
      larger = wanted
      guard budget.take(larger - capacity) else { return false }
    }
    capacity = larger
    return true
  }
}
