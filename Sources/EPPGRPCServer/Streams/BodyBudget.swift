import Synchronization

/// Bounds the bytes of request bodies that are held at one time, over all requests (`--max-buffered-bytes`).
package final class BodyBudget: Sendable {
  private let held = Atomic<Int>(0)
  /// Bytes.
  package let limit: Int

  package init(limit: Int) { self.limit = limit }

  /// Bytes held now.
  package var heldBytes: Int { held.load(ordering: .relaxed) }

  /// Takes `byteCount` bytes; false, and nothing taken, when they do not fit.
  func take(_ byteCount: Int) -> Bool {
    let total = held.wrappingAdd(byteCount, ordering: .relaxed).newValue
    guard total <= limit else {
      held.wrappingSubtract(byteCount, ordering: .relaxed)
      return false
    }
    return true
  }

  func giveBack(_ byteCount: Int) {
    if byteCount > 0 { held.wrappingSubtract(byteCount, ordering: .relaxed) }
  }
}
