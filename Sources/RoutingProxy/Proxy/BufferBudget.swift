import Synchronization

/// The memory of bodies that are collected before they are sent, over all connections. Any thread may use it.
package final class BufferBudget: Sendable {
  private let free: Atomic<Int>

  /// - Parameter bytes: The memory for all bodies.
  package init(bytes: Int) { free = Atomic(bytes) }

  /// Takes memory; false, and nothing is taken, where there is not enough.
  func take(_ bytes: Int) -> Bool {
    let before = free.wrappingSubtract(bytes, ordering: .relaxed).oldValue
    if before >= bytes { return true }
    free.wrappingAdd(bytes, ordering: .relaxed)
    return false
  }

  /// Gives memory back.
  func give(_ bytes: Int) { free.wrappingAdd(bytes, ordering: .relaxed) }
}
