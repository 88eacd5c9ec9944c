/// The index of an endpoint in every table of the process, for as long as it is a member of the pool.
///
/// Slots are reused. The generation tells a later endpoint from an earlier one, so that an entry written for the earlier
/// endpoint is never read for the later one.
package struct EndpointSlot: Hashable, Sendable {
  /// The largest number of endpoints that a pool can hold at one time.
  package static let capacity = 1024

  /// 0..<`capacity`.
  package var index: Int
  /// Grows by one, wrapping around, each time the slot is given to another endpoint.
  package var generation: UInt32

  package init(index: Int, generation: UInt32) {
    self.index = index
    self.generation = generation
  }

  /// Whether this generation is later than `other`, another generation of this slot. Generations wrap around.
  package func isLater(than other: UInt32) -> Bool { Int32(bitPattern: generation &- other) > 0 }
}
