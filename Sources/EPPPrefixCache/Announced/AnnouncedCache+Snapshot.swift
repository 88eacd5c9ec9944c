import EPPCore

extension AnnouncedCache {
  /// What beside its blocks the cache goes on with.
  struct State: Equatable {
    /// The group of blocks that is indexed; nil before the first blocks on the GPU.
    var group: CacheGroup?
    /// The adapter of the last blocks that were computed with one.
    var lastLoRAName: String?
    /// The entry that was looked at last when room had to be made.
    var hand = 0
  }

  /// Copies everything that it takes to go on from here; one pass of the blocks' memory.
  func copy(into snapshot: inout AnnouncedSnapshot) {
    blocks.copyEntries(into: &snapshot.entries)
    snapshot.firstFree = blocks.firstFree
    snapshot.blockCount = blocks.count
    snapshot.position = position
    snapshot.state = state
    snapshot.waiting = waiting
    snapshot.tiers = usedTiers
  }

  /// One that goes on where a snapshot was taken, with blocks made from it.
  ///
  /// The index does not know it yet: `publish(on:to:)`.
  init(restoring snapshot: AnnouncedSnapshot, _ blocks: AnnouncedBlocks, slot: EndpointSlot) {
    self.init(slot: slot, blocks: blocks, waiting: snapshot.waiting, state: snapshot.state)
    position = snapshot.position
  }
}
