package import EPPCore
import Synchronization

/// Whose blocks may take how much.
extension PrefixIndex {
  /// Bytes that the index takes, but for what the allocator adds.
  package var sizeInBytes: Int {
    tableBytes.load(ordering: .relaxed) + shards.count * MemoryLayout<Table>.stride
  }

  /// The endpoint's cache holds so many tokens: what does not fit any more goes, least recently used first.
  package func setCapacity(tokens: Int, of slot: EndpointSlot) {
    setCapacity(blocks: tokens / PrefixQuery.blockTokens, of: slot)
  }

  /// The endpoint's cache holds so many blocks of `PrefixQuery.blockTokens`; at least one.
  package func setCapacity(blocks: Int, of slot: EndpointSlot) {
    _ = change(slot) { table, _ in
      table.capacity = max(1, blocks)
      shrink(&table.blocks, to: capacity(of: table))
    }
  }

  /// The endpoint has left the pool.
  package func remove(_ slot: EndpointSlot) {
    let removed = shards[slot.index].table.withLock { table -> EndpointBlocks? in
      guard table.generation == slot.generation else {
        // It never had an entry: from now on it gets none.
        if table.generation == nil, isLater(slot.generation, than: table.departed) { table.departed = slot.generation }
        return nil
      }
      let blocks = table.blocks
      table = Table(departed: slot.generation, capacity: max(1, limits.defaultBlocks))
      return blocks
    }
    // The arrays are freed here, outside of the lock.
    guard let removed else { return }
    release(removed)
    tenants.wrappingSubtract(1, ordering: .relaxed)
  }

  /// Changes the table of a slot's present tenant. An earlier tenant's entries go first; a late call for an earlier
  /// tenant changes nothing and gives nil.
  func change<Result>(_ slot: EndpointSlot, _ body: (inout Table, _ capacity: Int) -> Result) -> Result? {
    shards[slot.index].table.withLock { table in
      if table.generation != slot.generation {
        guard isLater(slot.generation, than: table.generation ?? table.departed) else { return nil }
        if table.generation != nil {
          release(table.blocks)
          table = Table(capacity: max(1, limits.defaultBlocks))
        } else {
          tenants.wrappingAdd(1, ordering: .relaxed)
        }
        table.generation = slot.generation
      }
      let before = table.blocks.count
      let capacity = capacity(of: table)
      shrink(&table.blocks, to: capacity)
      let result = body(&table, capacity)
      pairs.wrappingAdd(table.blocks.count - before, ordering: .relaxed)
      return result
    }
  }

  /// Generations grow, with wrap-around.
  private func isLater(_ generation: UInt32, than other: UInt32?) -> Bool {
    other.map { Int32(bitPattern: generation &- $0) > 0 } ?? true
  }

  /// Blocks that a table may hold: what the endpoint's cache does, or its share of the index when that is less.
  private func capacity(of table: borrowing Table) -> Int {
    let share = limits.maximumBytes / EndpointBlocks.bytesPerBlock / max(1, tenants.load(ordering: .relaxed))
    return min(table.capacity, max(1, share))
  }

  /// Blocks for which a table has room after it grew towards `blocks`, by doubling; fewer when the memory is used up.
  func allocate(_ blocks: inout EndpointBlocks, blocks wanted: Int, capacity: Int) -> Int {
    guard wanted > blocks.allocatedBlocks else { return blocks.allocatedBlocks }
    for size in [min(capacity, max(256, wanted, 2 * blocks.allocatedBlocks)), wanted] {
      let bytes = EndpointBlocks.sizeInBytes(blocks: size) - blocks.sizeInBytes
      if tableBytes.wrappingAdd(bytes, ordering: .relaxed).newValue <= limits.maximumBytes {
        blocks.reallocate(blocks: size)
        return size
      }
      tableBytes.wrappingSubtract(bytes, ordering: .relaxed)
    }
    return blocks.allocatedBlocks
  }

  private func shrink(_ blocks: inout EndpointBlocks, to capacity: Int) {
    guard blocks.allocatedBlocks > capacity else { return }
    blocks.evict(blocks.count - capacity)
    let before = blocks.sizeInBytes
    blocks.reallocate(blocks: capacity)
    tableBytes.wrappingSubtract(before - blocks.sizeInBytes, ordering: .relaxed)
  }

  private func release(_ blocks: EndpointBlocks) {
    pairs.wrappingSubtract(blocks.count, ordering: .relaxed)
    tableBytes.wrappingSubtract(blocks.sizeInBytes, ordering: .relaxed)
  }

  /// Takes from the other endpoints what is above their share: it has become smaller because one joined. Done by the
  /// one that found no memory, a lock at a time; afterwards all are within their share, so it finds some.
  func reclaim() {
    for shard in shards {
      shard.table.withLock { table in
        guard table.generation != nil else { return }
        let before = table.blocks.count
        shrink(&table.blocks, to: capacity(of: table))
        pairs.wrappingAdd(table.blocks.count - before, ordering: .relaxed)
      }
    }
  }
}
