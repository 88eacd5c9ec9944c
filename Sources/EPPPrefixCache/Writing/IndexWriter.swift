import EPPCore

/// The writing half of a `PrefixIndex`: what each endpoint is known to hold and why, and the block index that readers use. Used
/// by one thread at a time.
struct IndexWriter: ~Copyable {
  /// Everything that is known of one endpoint.
  struct EndpointState {
    var slot: EndpointSlot
    /// Tokens that its cache holds.
    var capacityTokens: Int
    /// Tokens in a block according to the engine's metrics page; nil where it does not say.
    var namedBlockTokens: Int?
    /// Blocks of requests that were routed there.
    var routed = Table()
    /// Blocks of recent picks that are not announced yet, for an endpoint whose events are followed.
    var speculative = Table()
    /// The picks of `speculative`, with the times until which they count.
    var speculations = Speculations()
    /// What its engine has announced, by data-parallel rank.
    var caches: [Int: AnnouncedCache] = [:]

    subscript(_ kind: TableKind) -> Table {
      get { kind == .routed ? routed : speculative }
      set { if kind == .routed { routed = newValue } else { speculative = newValue } }
    }
  }

  /// One of an endpoint's two tables of picks.
  enum TableKind: Sendable {
    case routed
    case speculative
  }

  /// Blocks of picks, and their holder in the index.
  struct Table {
    var blocks = RoutedBlocks()
    var holder: Holder?
  }

  /// Pool-wide facts from engines' events.
  struct News {
    var blockTokens: Int
    var loRANames: Set<String>
  }

  /// Blocks of a given-up holder that are still to be removed from the index.
  private struct Sweep {
    var keys: [BlockKey]
    var holder: Holder
  }

  /// Bytes of a block besides the tables of its endpoint, with the block table half full.
  static let sharedBytesPerBlock = 16
  /// Blocks that are prefetched ahead of a change.
  static let fetchedBlocks = 32

  let limits: PrefixIndex.Limits
  let hasher: BlockHasher
  var index: BlockIndexWriter
  var endpoints = [EndpointState?](repeating: nil, count: EndpointSlot.capacity)
  /// The last generation of each slot that has left the pool, for which nothing is entered any more.
  private var departed = [UInt32?](repeating: nil, count: EndpointSlot.capacity)
  var endpointCount = 0
  private var sweeps: [Sweep] = []
  /// Pairs in `sweeps`.
  private var sweepingPairs = 0
  /// Bytes of all endpoints' tables.
  var tableBytes = 0
  /// Pool-wide facts.
  var news = News(blockTokens: 16, loRANames: [])
  /// Whether `news` has changed since `takeNews`.
  var hasNews = false
  /// Whether the block size in `news` was announced by an engine or restored.
  var hasBlockTokens = false
  /// The largest number of adapters that are remembered.
  static let maximumLoRANames = 1024
  /// Sweep steps for each clearing of a cache: as many steps as keep up with caches of a few blocks that are cleared
  /// continually.
  static let sweptPerClearing = 64

  init(_ index: BlockIndex, limits: PrefixIndex.Limits, hasher: BlockHasher) {
    self.index = BlockIndexWriter(index)
    self.limits = limits
    self.hasher = hasher
  }

  /// Pairs of a block and a holder, without those that are being removed.
  var pairCount: Int { index.pairCount - sweepingPairs }
  var blockCount: Int { index.blockCount }
  var sizeInBytes: Int { index.sizeInBytes + tableBytes }
  var refused: Int { index.refusedCount }

  // MARK: - Endpoints

  /// Assigns a slot to an endpoint, and removes what is known of an earlier one.
  ///
  /// - Returns: false for an endpoint that has left the pool.
  mutating func admit(_ slot: EndpointSlot) -> Bool {
    let known = endpoints[slot.index]?.slot.generation
    if known == slot.generation { return true }
    guard isLater(slot, than: known ?? departed[slot.index]) else { return false }
    if let known { remove(EndpointSlot(index: slot.index, generation: known)) }
    endpoints[slot.index] = EndpointState(slot: slot, capacityTokens: limits.defaultBlocks * limits.textBlockTokens)
    endpointCount += 1
    return true
  }

  private func isLater(_ slot: EndpointSlot, than other: UInt32?) -> Bool { other.map(slot.isLater(than:)) ?? true }

  /// Removes an endpoint that has left the pool.
  mutating func remove(_ slot: EndpointSlot) {
    guard let endpoint = endpoints[slot.index], endpoint.slot.generation == slot.generation else {
      // It never had an entry: from now on it gets none.
      if endpoints[slot.index] == nil, isLater(slot, than: departed[slot.index]) {
        departed[slot.index] = slot.generation
      }
      return
    }
    endpoints[slot.index] = nil
    departed[slot.index] = slot.generation
    endpointCount -= 1
    for table in [endpoint.routed, endpoint.speculative] {
      if let holder = table.holder { sweep(table.blocks.keys, holder) }
      tableBytes -= table.blocks.sizeInBytes
    }
    for cache in endpoint.caches.values { forget(cache) }
  }

  /// Removes a cache's blocks from the index, in small steps.
  mutating func forget(_ cache: AnnouncedCache) {
    tableBytes -= cache.sizeInBytes
    for (holder, tiers) in cache.holders { sweep(cache.blocks.keys(on: tiers), holder) }
  }

  // MARK: - Routed

  /// Adds the blocks of a pick's prompts.
  mutating func record(
    _ keys: borrowing [BlockKey], _ lengths: [Int], _ record: PickRecord, _ entry: PrefixIndex.Entry
  ) {
    let kind: TableKind = if case .routed = entry { .routed } else { .speculative }
    var first = 0
    for length in lengths {
      let prompt = PrefixQuery.Prompt(firstKey: first, blocks: length, reusable: length, made: length, offset: 0)
      if let tail = enter(keys, prompt, at: record.slot, kind) {
        record.append(tail, in: kind)
        if case .speculative(let until) = entry {
          speculate(tail, of: record.slot, until: until)
        }
      }
      first += length
    }
  }

  private mutating func enter(
    _ keys: borrowing [BlockKey], _ prompt: PrefixQuery.Prompt, at slot: EndpointSlot,
    _ kind: TableKind
  ) -> PickRecord.Tail? {
    guard admit(slot), var endpoint = take(slot) else { return nil }
    defer { endpoints[slot.index] = endpoint }
    var table = endpoint[kind]
    endpoint[kind].blocks = RoutedBlocks()
    defer { endpoint[kind] = table }
    if table.holder == nil {
      let residency: Residency = kind == .speculative ? .speculative : .routed
      table.holder = index.makeHolder(HolderOwner(slot: slot, residency: residency))
    }
    guard let holder = table.holder else { return nil }
    let capacity = capacity(of: endpoint, kind)
    shrink(&table.blocks, to: capacity, holder)
    grow(&table.blocks, blocks: min(capacity, table.blocks.count + prompt.blocks), capacity: capacity)
    let insertion = table.blocks.insert(keys, prompt, capacity: min(capacity, table.blocks.allocatedBlocks))
    takeOut(&table.blocks, holder)
    let end = prompt.firstKey + insertion.held
    putIn(keys, end - insertion.added..<end, holder)
    guard insertion.held > 0 else { return nil }
    return PickRecord.Tail(lastKey: keys[end - 1], newBlocks: insertion.added, use: insertion.use)
  }

  /// Adds blocks to a holder.
  mutating func putIn(_ keys: borrowing [BlockKey], _ range: Range<Int>, _ holder: Holder) {
    var fetched = range.lowerBound
    for position in range {
      if position == fetched {
        fetched = min(range.upperBound, position + Self.fetchedBlocks)
        for ahead in position..<fetched { index.prefetch(keys[ahead]) }
      }
      index.insert(keys[position], holder)
    }
  }

  /// Removes from the index what has been removed from an endpoint's table.
  private mutating func takeOut(_ blocks: inout RoutedBlocks, _ holder: Holder) {
    guard !blocks.removedKeys.isEmpty else { return }
    var fetched = 0
    for (position, key) in blocks.removedKeys.enumerated() {
      if position == fetched {
        fetched = min(blocks.removedKeys.count, position + Self.fetchedBlocks)
        for ahead in position..<fetched { index.prefetch(blocks.removedKeys[ahead]) }
      }
      index.remove(key, holder)
    }
    blocks.removedKeys.removeAll(keepingCapacity: blocks.removedKeys.count <= 4096)
  }

  /// Changes a table of a slot's endpoint; nil when the slot belongs to another endpoint or the table has no holder.
  mutating func change<Result>(
    _ slot: EndpointSlot, _ kind: TableKind, _ body: (inout RoutedBlocks) -> Result
  ) -> Result? {
    guard var endpoint = take(slot) else { return nil }
    defer { endpoints[slot.index] = endpoint }
    guard let holder = endpoint[kind].holder else { return nil }
    var blocks = endpoint[kind].blocks
    endpoint[kind].blocks = RoutedBlocks()
    let result = body(&blocks)
    takeOut(&blocks, holder)
    endpoint[kind].blocks = blocks
    return result
  }

  /// The state of a slot's endpoint, with its tables moved out, so that changing them makes no copy. The caller has to put it
  /// back.
  mutating func take(_ slot: EndpointSlot) -> EndpointState? {
    guard let endpoint = endpoints[slot.index], endpoint.slot.generation == slot.generation else { return nil }
    endpoints[slot.index]?.routed.blocks = RoutedBlocks()
    endpoints[slot.index]?.speculative.blocks = RoutedBlocks()
    endpoints[slot.index]?.caches = [:]
    return endpoint
  }

  /// Removes what a pick has added, unless later picks use it.
  mutating func forget(_ record: PickRecord) {
    end(record.speculativeUses, of: record.slot)
    for (tail, kind) in record.takeTails() where kind == .routed { _ = change(record.slot, kind) { $0.remove(tail) } }
  }

  /// Moves what a pick has added to another endpoint.
  mutating func move(_ record: PickRecord, to moved: PickRecord) {
    let uses = record.speculativeUses
    defer { end(uses, of: record.slot) }
    for (tail, kind) in record.takeTails() {
      let until = kind == .speculative ? end(ofUse: tail.use, of: record.slot) : nil
      // One that does not count any more is not taken for what the endpoint holds, either.
      if kind == .speculative, until == nil { continue }
      let keys = change(record.slot, kind) { blocks in
        let keys = blocks.chain(to: tail.lastKey)
        if kind == .routed { blocks.remove(tail) }
        return keys
      }
      guard let keys, !keys.isEmpty else { continue }
      self.record(keys, [keys.count], moved, until.map { .speculative(until: $0) } ?? .routed)
    }
  }

  // MARK: - Room

  /// The largest number of blocks of an endpoint's picks: its share of the memory. Where its engine's events are followed they
  /// need half of the share, and an eighth for waiting stores; both tables of picks have half of the rest each.
  private func share(of endpoint: borrowing EndpointState) -> Int {
    let share = limits.maximumBytes / max(1, endpointCount)
    let bytes = endpoint.caches.isEmpty ? share : share * 3 / 16
    return max(1, bytes / (RoutedBlocks.bytesPerBlock + Self.sharedBytesPerBlock))
  }

  /// The largest number of blocks of a table: the endpoint's cache, or its share of the memory if that is less.
  func capacity(of endpoint: borrowing EndpointState, _ kind: TableKind) -> Int {
    let blockTokens = kind == .routed ? limits.textBlockTokens : news.blockTokens
    return min(max(1, endpoint.capacityTokens / blockTokens), share(of: endpoint))
  }

  /// Sets the tokens that an endpoint's cache holds, and shrinks its tables.
  mutating func setCapacity(tokens: Int, of slot: EndpointSlot) {
    guard admit(slot), var endpoint = take(slot) else { return }
    endpoint.capacityTokens = tokens
    shrink(&endpoint)
    endpoints[slot.index] = endpoint
  }

  /// Sets the block size that the engine's metrics page reports.
  mutating func setBlockTokens(_ tokens: Int, of slot: EndpointSlot) {
    guard admit(slot) else { return }
    endpoints[slot.index]?.namedBlockTokens = tokens
  }

  /// Shrinks the tables of all endpoints to their share, which becomes smaller when one joins.
  private mutating func reclaim() {
    for position in endpoints.indices {
      guard let slot = endpoints[position]?.slot, var endpoint = take(slot) else { continue }
      shrink(&endpoint)
      endpoints[position] = endpoint
    }
  }

  private mutating func shrink(_ endpoint: inout EndpointState) {
    let (routed, speculative) = (capacity(of: endpoint, .routed), capacity(of: endpoint, .speculative))
    if let holder = endpoint.routed.holder { shrink(&endpoint.routed.blocks, to: routed, holder) }
    if let holder = endpoint.speculative.holder { shrink(&endpoint.speculative.blocks, to: speculative, holder) }
  }

  /// Evicts blocks above the capacity and frees their memory.
  mutating func shrink(_ blocks: inout RoutedBlocks, to capacity: Int, _ holder: Holder) {
    guard blocks.allocatedBlocks > capacity else { return }
    blocks.evict(blocks.count - capacity)
    takeOut(&blocks, holder)
    let before = blocks.sizeInBytes
    blocks.reallocate(blocks: capacity)
    tableBytes -= before - blocks.sizeInBytes
  }

  /// Enlarges a table, at least doubling it.
  private mutating func grow(_ blocks: inout RoutedBlocks, blocks wanted: Int, capacity: Int) {
    guard wanted > blocks.allocatedBlocks else { return }
    let size = min(capacity, max(256, wanted, 2 * blocks.allocatedBlocks))
    let bytes = RoutedBlocks.sizeInBytes(blocks: size) - blocks.sizeInBytes
    // The one that grows is taken out of `endpoints` at this point, and within its share.
    if sizeInBytes + bytes > limits.maximumBytes { reclaim() }
    blocks.reallocate(blocks: size)
    tableBytes += bytes
  }

  // MARK: - Upkeep

  /// Hides a holder from readers; its blocks are removed in small steps.
  private mutating func sweep(_ keys: [BlockKey], _ holder: Holder) {
    index.disown(holder)
    sweeps.append(Sweep(keys: keys, holder: holder))
    sweepingPairs += keys.count
  }

  /// Continues sweeps, with more steps when more pairs are waiting.
  mutating func sweepOn(atLeast steps: Int) { maintain(steps: max(steps, sweepingPairs / 32)) }

  /// Removes up to `steps` swept pairs, and frees memory.
  mutating func maintain(steps: Int) {
    var left = steps
    while left > 0, let last = sweeps.indices.last {
      let count = min(left, sweeps[last].keys.count, Self.fetchedBlocks)
      for key in sweeps[last].keys.suffix(count) { index.prefetch(key) }
      for _ in 0..<count {
        index.remove(sweeps[last].keys.removeLast(), sweeps[last].holder)
      }
      sweepingPairs -= count
      left -= max(1, count)
      if sweeps[last].keys.isEmpty {
        index.release(sweeps[last].holder)
        sweeps.removeLast()
      }
    }
    index.maintain()
  }
}
