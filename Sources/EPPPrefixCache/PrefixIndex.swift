package import EPPCore
import Synchronization

/// Which endpoint holds which prefixes, learned from own picks: the plain form of the index, exact and bounded.
///
/// Any thread may call it. Each endpoint has a lock of its own, held for a few probes by readers and for one prompt by
/// writers.
package final class PrefixIndex: Sendable {
  package struct Limits: Sendable {
    /// Blocks taken for an endpoint whose cache size is unknown: the anchor's default.
    package var defaultBlocks = 31_250
    /// Bytes of the whole index, in round figures.
    package var maximumBytes = 512 << 20

    package init() {}
  }

  private struct Table {
    var generation: UInt32?
    var capacity: Int
    var blocks = EndpointBlocks()
  }

  /// One endpoint's table with its lock.
  private final class Shard: Sendable {
    let table: Mutex<Table>

    init(capacity: Int) { table = Mutex(Table(capacity: capacity)) }
  }

  private let shards: [Shard]
  private let limits: Limits
  private let pairs = Atomic<Int>(0)

  package init(limits: Limits = Limits()) {
    self.limits = limits
    shards = (0..<EndpointSlot.capacity).map { _ in Shard(capacity: limits.defaultBlocks) }
  }

  /// Pairs of a block and an endpoint.
  package var pairCount: Int { pairs.load(ordering: .relaxed) }

  private var maximumPairs: Int { max(1, limits.maximumBytes / EndpointBlocks.bytesPerEntry) }

  /// Finds for each candidate how deep the prompts are held there.
  package func match(
    _ query: borrowing PrefixQuery, snapshot: PoolSnapshot, candidates: borrowing [Int], into match: inout PrefixMatch
  ) {
    match.totalBlocks = query.blockCount
    for candidate in candidates.indices {
      let slot = snapshot.members[candidates[candidate]].endpoint.slot
      guard query.blockCount > 0 else {
        match.set(slot, 0)
        continue
      }
      let depth = shards[slot.index].table.withLock { table in
        guard table.generation == slot.generation else { return 0 }
        var total = 0
        for prompt in query.prompts { total += table.blocks.depth(query.keys, prompt) }
        return total
      }
      match.set(slot, depth)
    }
  }

  /// Enters the prompts for an endpoint at once.
  package func record(_ query: borrowing PrefixQuery, at slot: EndpointSlot) -> PickRecord {
    var tails: [PickRecord.Tail] = []
    change(slot) { table, capacity in
      for prompt in query.prompts {
        let depth = table.blocks.depth(query.keys, prompt)
        let added = table.blocks.insert(query.keys, prompt, depth: depth, capacity: capacity)
        if depth + added > 0 {
          tails.append(
            PickRecord.Tail(lastKey: query.keys[prompt.lowerBound + depth + added - 1], newBlocks: added))
        }
      }
    }
    return PickRecord(slot: slot, tails: tails)
  }

  /// Takes back what a pick has entered, as far as nothing else was built on it.
  package func forget(_ record: PickRecord) {
    change(record.slot) { table, _ in
      for tail in record.tails { table.blocks.removeTail(tail.lastKey, blocks: tail.newBlocks) }
    }
  }

  /// Another endpoint served than was picked: the entries follow it.
  package func move(_ record: PickRecord, to slot: EndpointSlot) -> PickRecord {
    var chains: [[UInt64]] = []
    change(record.slot) { table, _ in
      for tail in record.tails {
        chains.append(table.blocks.chain(from: tail.lastKey).reversed())
        table.blocks.removeTail(tail.lastKey, blocks: tail.newBlocks)
      }
    }
    var tails: [PickRecord.Tail] = []
    change(slot) { table, capacity in
      for keys in chains where !keys.isEmpty {
        let depth = table.blocks.depth(keys, 0..<keys.count)
        let added = table.blocks.insert(keys, 0..<keys.count, depth: depth, capacity: capacity)
        if depth + added > 0 { tails.append(PickRecord.Tail(lastKey: keys[depth + added - 1], newBlocks: added)) }
      }
    }
    return PickRecord(slot: slot, tails: tails)
  }

  /// The endpoint's cache holds so many tokens: what does not fit any more goes, least recently used first.
  package func setCapacity(tokens: Int, of slot: EndpointSlot) {
    change(slot) { table, _ in
      table.capacity = max(1, tokens / PrefixQuery.blockTokens)
      table.blocks.shrink(to: table.capacity)
    }
  }

  /// The endpoint has left the pool.
  package func remove(_ slot: EndpointSlot) {
    let removed = shards[slot.index].table.withLock { table in
      guard table.generation == slot.generation else { return 0 }
      let count = table.blocks.count
      table = Table(capacity: limits.defaultBlocks)
      return count
    }
    pairs.wrappingSubtract(removed, ordering: .relaxed)
  }

  /// Changes the table of a slot's present tenant; an earlier tenant's entries go first, and a late call for an earlier
  /// tenant changes nothing.
  private func change(_ slot: EndpointSlot, _ body: (inout Table, _ capacity: Int) -> Void) {
    let shard = shards[slot.index]
    let difference = shard.table.withLock { table in
      let before = table.blocks.count
      if let generation = table.generation, generation != slot.generation {
        // Generations grow, with wrap-around.
        guard Int32(bitPattern: slot.generation &- generation) > 0 else { return 0 }
        table = Table(capacity: limits.defaultBlocks)
      }
      table.generation = slot.generation
      // When the whole index is full, an endpoint can grow only at its own expense.
      let room = maximumPairs - pairs.load(ordering: .relaxed)
      body(&table, min(table.capacity, max(1, before + max(0, room))))
      return table.blocks.count - before
    }
    pairs.wrappingAdd(difference, ordering: .relaxed)
  }
}
