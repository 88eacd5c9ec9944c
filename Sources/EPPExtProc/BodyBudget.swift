import Synchronization

/// Limits the memory of all request bodies in memory (`--max-buffered-bytes`). Any thread may use it.
package final class BodyBudget: Sendable {
  private let held = Atomic<Int>(0)
  /// Bytes that can be reserved at one time.
  package let limit: Int

  package init(limit: Int) { self.limit = limit }

  /// Bytes that are reserved now.
  package var heldBytes: Int { held.load(ordering: .relaxed) }

  /// Reserves `byteCount` bytes. Returns false, and reserves nothing, if the limit would be exceeded. A failed reservation
  /// never makes a concurrent one fail.
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

  /// Returns `byteCount` bytes that were reserved with `take`; ignored for 0 or less.
  package func giveBack(_ byteCount: Int) {
    if byteCount > 0 { held.wrappingSubtract(byteCount, ordering: .relaxed) }
  }
}

/// The bytes of a `BodyBudget` that are reserved for one request's body. They are returned when the object is deinitialised.
///
/// Use it on one thread at a time; the last reference may be released on any thread.
package final class BodyReservation {
  /// Bytes of the first reservation: a body in small chunks is seldom moved, and a stream that stops early costs little.
  private static let smallest = 4096
  /// Bytes from which on a reservation grows by a quarter; a smaller one doubles.
  private static let large = 128 << 10

  private let budget: BodyBudget
  /// The body's length that the client has announced. A longer body still grows.
  private let expectedCount: Int?
  /// Bytes that are reserved.
  package private(set) var capacity = 0
  /// Bytes of the body so far.
  package private(set) var count = 0

  /// Makes a reservation of no bytes.
  ///
  /// - Parameters:
  ///   - budget: The budget to reserve from.
  ///   - expectedCount: The body's length that the client has announced; nil when it has not.
  package init(budget: BodyBudget, expectedCount: Int?) {
    self.budget = budget
    self.expectedCount = expectedCount
  }

  deinit { budget.giveBack(capacity) }

  /// Adds bytes to the body, and reserves more when needed. Returns false, and changes nothing, if the budget does not allow
  /// it.
  package func add(_ byteCount: Int) -> Bool {
    let wanted = count + byteCount
    guard wanted <= capacity || grow(to: wanted) else { return false }
    count = wanted
    return true
  }

  private func grow(to wanted: Int) -> Bool {
    // Small bodies are moved seldom. Of large ones no more than a quarter is spare: the system moves them without copying.
    var larger = max(wanted, Self.smallest, capacity < Self.large ? 2 * capacity : capacity + capacity / 4)
    // With an announced length in larger steps, but not beyond it: at most four times the bytes that have come.
    if let expectedCount, wanted <= expectedCount { larger = min(expectedCount, max(larger, 4 * wanted)) }
    if !budget.take(larger - capacity) {
      larger = wanted
      guard budget.take(larger - capacity) else { return false }
    }
    capacity = larger
    return true
  }
}
