import EPPCore

/// The current `Announcements`, with the generation of the endpoint in each slot.
struct AnnouncedSlots {
  /// What is published to readers.
  var current = PrefixIndex.Announcements()
  /// The latest generation of each slot that anything was reported for; reports for earlier generations are ignored.
  private var generations: [Int: UInt32] = [:]

  /// Adds a slot to one of the sets, or removes it.
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
