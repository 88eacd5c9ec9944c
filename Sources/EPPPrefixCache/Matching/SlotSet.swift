package import EPPCore

/// A set of slots, regardless of their generations.
package struct SlotSet: Equatable, Sendable {
  private var words = InlineArray<16, UInt64>(repeating: 0)

  /// The set without slots.
  package static let empty = SlotSet()

  /// An empty set.
  package init() {
    precondition(EndpointSlot.capacity <= 16 * 64, "a bit for every slot")
  }

  /// Whether the set contains no slot.
  package var isEmpty: Bool {
    var all: UInt64 = 0
    for index in 0..<16 { all |= words[index] }
    return all == 0
  }

  /// Whether the set contains a slot, whatever its generation.
  @inline(__always)
  package func contains(_ slot: EndpointSlot) -> Bool { words[slot.index >> 6] >> UInt64(slot.index & 63) & 1 != 0 }

  /// Adds a slot.
  package mutating func insert(_ slot: EndpointSlot) { words[slot.index >> 6] |= 1 << UInt64(slot.index & 63) }

  /// Removes a slot.
  package mutating func remove(_ slot: EndpointSlot) { words[slot.index >> 6] &= ~(1 << UInt64(slot.index & 63)) }

  package static func == (left: SlotSet, right: SlotSet) -> Bool {
    for index in 0..<16 where left.words[index] != right.words[index] { return false }
    return true
  }
}
