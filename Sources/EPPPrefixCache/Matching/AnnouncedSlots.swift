import EPPCore

/// What engines' events say of the pool as a whole, and of which endpoint of each slot.
struct AnnouncedSlots {
  var current = PrefixIndex.Announcements()
  /// The generation of the latest endpoint of each slot of which anything was told: what is told of an earlier one comes too late.
  private var generations: [Int: UInt32] = [:]

  /// Puts a slot into one of the sets, or takes it out.
  mutating func set(
    _ isMember: Bool, _ slot: EndpointSlot, in set: WritableKeyPath<PrefixIndex.Announcements, SlotSet>
  ) {
    if let known = generations[slot.index], known != slot.generation {
      guard slot.isLater(than: known) else { return }
      current.followed.remove(slot)
      current.adopting.remove(slot)
      current.ranked.remove(slot)
    }
    generations[slot.index] = slot.generation
    if isMember { current[keyPath: set].insert(slot) } else { current[keyPath: set].remove(slot) }
  }
}
