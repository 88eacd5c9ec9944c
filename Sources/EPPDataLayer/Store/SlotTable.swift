package import EPPCore

/// Gives out slots and takes them back. The lowest free one is given first, so that tables by slot stay dense.
package struct SlotTable: Sendable {
  private var generations = [UInt32](repeating: 0, count: EndpointSlot.capacity)
  private var isTaken = [Bool](repeating: false, count: EndpointSlot.capacity)

  package init() {}

  /// A free slot with a generation of its own; nil when all are taken.
  package mutating func take() -> EndpointSlot? {
    guard let index = isTaken.firstIndex(of: false) else { return nil }
    isTaken[index] = true
    generations[index] &+= 1
    return EndpointSlot(index: index, generation: generations[index])
  }

  /// Gives a slot back; one of an earlier generation is ignored.
  package mutating func release(_ slot: EndpointSlot) {
    guard isTaken.indices.contains(slot.index), generations[slot.index] == slot.generation else { return }
    isTaken[slot.index] = false
  }
}
