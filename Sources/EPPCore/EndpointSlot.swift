/// The place that an endpoint holds in every table of the process for as long as it is a member of the pool.
///
/// Slots are reused. The generation tells a later endpoint from an earlier one, so that an entry written for the earlier
/// endpoint is never read as the later one's.
package struct EndpointSlot: Hashable, Sendable {
  /// How many endpoints a pool can hold at one time.
  package static let capacity = 1024

  /// 0..<`capacity`.
  package var index: Int
  /// Grows by one each time the slot is given out anew.
  package var generation: UInt32

  package init(index: Int, generation: UInt32) {
    self.index = index
    self.generation = generation
  }

  /// Whether the endpoint came after the one of another generation of this slot. Generations wrap around.
  package func isLater(than other: UInt32) -> Bool { Int32(bitPattern: generation &- other) > 0 }
}
