package import EPPCore
import Synchronization

/// Which endpoint holds which prefixes, learned from own picks: the plain form of the index, exact and bounded.
///
/// Any thread may call it. Each endpoint has a lock of its own, held for a few look-ups by readers and for
/// `EndpointBlocks.chunkBlocks` blocks by writers; only a change of an endpoint's capacity holds it longer.
package final class PrefixIndex: Sendable {
  /// How much the index may hold.
  package struct Limits: Sendable {
    /// Blocks taken for an endpoint whose cache size is unknown: the anchor's default.
    package var defaultBlocks = 31_250
    /// Bytes of the whole index. When it is short, every endpoint has an equal share of it. An endpoint's table that
    /// grows has its old arrays beside the new ones for a moment, which are not counted.
    package var maximumBytes = 512 << 20

    /// The defaults.
    package init() {}
  }

  struct Table {
    var generation: UInt32?
    /// The last tenant that has left: nothing is entered for it any more.
    var departed: UInt32?
    /// Blocks that the endpoint's cache holds.
    var capacity: Int
    var blocks = EndpointBlocks()
  }

  /// One endpoint's table with its lock.
  final class Shard: Sendable {
    let table: Mutex<Table>

    init(capacity: Int) { table = Mutex(Table(capacity: capacity)) }
  }

  let shards: [Shard]
  let limits: Limits
  let pairs = Atomic<Int>(0)
  /// Bytes of all tables' arrays.
  let tableBytes = Atomic<Int>(0)
  /// Slots that have a table.
  let tenants = Atomic<Int>(0)

  /// An index that holds nothing yet.
  package init(limits: Limits = Limits()) {
    self.limits = limits
    shards = (0..<EndpointSlot.capacity).map { _ in Shard(capacity: max(1, limits.defaultBlocks)) }
  }

  /// Pairs of a block and an endpoint.
  package var pairCount: Int { pairs.load(ordering: .relaxed) }

  // MARK: - Reading

  /// Finds for each candidate how deep the prompts are held there, and makes the query's keys only as far as some
  /// candidate may hold them.
  package func match(
    _ query: inout PrefixQuery, snapshot: PoolSnapshot, candidates: borrowing [Int], into match: inout PrefixMatch
  ) {
    match.begin(totalBlocks: query.blockCount)
    let all = snapshot.members
    let members = all.span
    for prompt in query.prompts.indices {
      query.makeKeys(ofPrompt: prompt, upTo: 1)
      // Endpoints often hold the same beginning and no more: where two agree is a good first guess for the next.
      var hint = 0
      var previous = -1
      for position in candidates.indices {
        let slot = members[candidates[position]].endpoint.slot
        let depth = depth(of: prompt, &query, at: slot, hint: hint)
        if depth > 0 { match.add(depth, for: slot) }
        if depth == previous || hint == 0 { hint = depth }
        previous = depth
      }
    }
  }

  /// The same for a query whose keys are made; keys that are not made are taken as held by nobody.
  package func match(
    _ query: borrowing PrefixQuery, snapshot: PoolSnapshot, candidates: borrowing [Int], into match: inout PrefixMatch
  ) {
    var query = copy query
    self.match(&query, snapshot: snapshot, candidates: candidates, into: &match)
  }

  /// The lock is not held while keys are made.
  private func depth(of position: Int, _ query: inout PrefixQuery, at slot: EndpointSlot, hint: Int) -> Int {
    var depth = 0
    while true {
      let prompt = query.prompts[position]
      depth = shards[slot.index].table.withLock { table in
        guard table.generation == slot.generation else { return 0 }
        return table.blocks.depth(query.keys, prompt, made: prompt.made, held: depth, hint: hint)
      }
      if depth < prompt.made || prompt.made == prompt.blocks { return depth }
      query.makeKeys(ofPrompt: position, upTo: 2 * prompt.made)
      if query.prompts[position].made == prompt.made { return depth }
    }
  }

  // MARK: - Writing

  /// Enters the prompts for an endpoint at once, and makes the keys that are left.
  package func record(_ query: inout PrefixQuery, at slot: EndpointSlot) -> PickRecord {
    query.finish()
    return record(copy query, at: slot)
  }

  /// The same for a query whose keys are made.
  package func record(_ query: borrowing PrefixQuery, at slot: EndpointSlot) -> PickRecord {
    var record = PickRecord(slot: slot)
    for prompt in query.prompts {
      var made = prompt
      made.blocks = prompt.made
      if let tail = enter(query.keys, made, at: slot) { record.append(tail) }
    }
    return record
  }

  /// Takes back what a pick has entered, as far as no other pick has used it since.
  package func forget(_ record: PickRecord) {
    record.forEachTail { tail in
      _ = change(record.slot) { table, _ in table.blocks.remove(tail) }
    }
  }

  /// Another endpoint served than was picked: the entries follow it.
  package func move(_ record: PickRecord, to slot: EndpointSlot) -> PickRecord {
    var moved = PickRecord(slot: slot)
    record.forEachTail { tail in
      let keys = change(record.slot) { table, _ in
        let keys = table.blocks.chain(to: tail.lastKey)
        table.blocks.remove(tail)
        return keys
      }
      guard let keys, !keys.isEmpty else { return }
      let prompt = PrefixQuery.Prompt(firstKey: 0, blocks: keys.count, made: keys.count, offset: 0)
      if let tail = enter(keys, prompt, at: slot) { moved.append(tail) }
    }
    return moved
  }

  /// Enters one prompt, a chunk at a time so that readers of the endpoint do not wait for the whole of it.
  private func enter(
    _ keys: borrowing [BlockKey], _ prompt: PrefixQuery.Prompt, at slot: EndpointSlot
  ) -> PickRecord.Tail? {
    var insertion = EndpointBlocks.Insertion()
    // Twice what is needed: prompts of other threads that push this one out again cannot keep it here.
    for _ in 0..<(2 * (prompt.blocks / EndpointBlocks.chunkBlocks + 1)) where !insertion.isDone {
      let isRefused = change(slot) { table, capacity in
        let room = allocate(
          &table.blocks, blocks: min(capacity, table.blocks.count + prompt.blocks), capacity: capacity)
        table.blocks.insert(keys, prompt, &insertion, capacity: min(capacity, room))
        return room < capacity && insertion.held < prompt.blocks
      }
      guard let isRefused else { return nil }
      if isRefused { reclaim() }
    }
    guard insertion.held > 0, let use = insertion.use else { return nil }
    return PickRecord.Tail(lastKey: keys[prompt.firstKey + insertion.held - 1], newBlocks: insertion.added, use: use)
  }
}
