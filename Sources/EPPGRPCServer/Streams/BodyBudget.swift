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
  func take(_ byteCount: Int) -> Bool {
    var current = held.load(ordering: .relaxed)
    while byteCount <= limit - current {
      let result = held.weakCompareExchange(
        expected: current, desired: current + byteCount, ordering: .relaxed)
      if result.exchanged { return true }
      current = result.original
    }
    return false
  }

  func giveBack(_ byteCount: Int) {
    if byteCount > 0 { held.wrappingSubtract(byteCount, ordering: .relaxed) }
  }
}
