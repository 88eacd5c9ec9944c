import EPPCore

extension AnnouncedCache {
  /// The state of the cache besides its blocks.
  struct State: Equatable {
    /// The group of blocks that is indexed; nil before the first blocks on the GPU.
    var group: CacheGroup?
    /// The adapter of the last blocks that were computed with one; nil when there were none.
    var lastLoRAName: String?
    /// The entry that was examined last to make room.
    var hand = 0
  }

  /// Copies everything that is needed to continue from here; one pass over the blocks' memory.
  func copy(into snapshot: inout AnnouncedSnapshot) {
    blocks.copyEntries(into: &snapshot.entries)
    snapshot.firstFree = blocks.firstFree
    snapshot.blockCount = blocks.count
    snapshot.position = position
    snapshot.state = state
    snapshot.waiting = waiting
    snapshot.tiers = usedTiers
  }

  /// A cache that continues from a snapshot, with blocks restored from it.
  ///
  /// The index does not know the blocks until `publish(on:to:)`.
  init(restoring snapshot: AnnouncedSnapshot, _ blocks: AnnouncedBlocks, slot: EndpointSlot) {
    self.init(slot: slot, blocks: blocks, waiting: snapshot.waiting, state: snapshot.state)
    position = snapshot.position
  }
}
