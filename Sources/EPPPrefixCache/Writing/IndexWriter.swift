import EPPCore

/// The writing half of a `PrefixIndex`: what each endpoint is known to hold and why, and the block index that readers
/// see. One thread at a time.
struct IndexWriter: ~Copyable {
  /// Everything that is known of one endpoint.
  struct EndpointState {
    var slot: EndpointSlot
    /// Tokens that its cache holds.
    var capacityTokens: Int
    /// Tokens in a block, as the engine's metrics page has it.
    var namedBlockTokens: Int?
    /// What requests were sent there.
    var routed = Table()
    /// What was sent there a moment ago and is not announced yet, by an endpoint whose events are followed.
    var speculative = Table()
    var speculations = Speculations()
    /// What its engine says, by data-parallel rank.
    var caches: [Int: AnnouncedCache] = [:]

    subscript(_ kind: TableKind) -> Table {
      get { kind == .routed ? routed : speculative }
      set { if kind == .routed { routed = newValue } else { speculative = newValue } }
    }
  }

  enum TableKind: Sendable {
    case routed
    case speculative
  }

  /// Blocks that picks have entered, and what the index calls them.
  struct Table {
    var blocks = RoutedBlocks()
    var holder: Holder?
  }

  /// What of the pool as a whole has changed.
  struct News {
    var blockTokens: Int
    var loRANames: Set<String>
  }

  /// Blocks of a holder whose endpoint has left, which are being removed from the index.
  private struct Sweep {
    var keys: [BlockKey]
    var holder: Holder
  }

  /// Bytes that a block takes beside the tables of its endpoint, with the block table half full.
  static let sharedBytesPerBlock = 16
  /// How far ahead of the change the block table is fetched.
  static let fetchedBlocks = 32

  let limits: PrefixIndex.Limits
  let hasher: BlockHasher
  var index: BlockIndexWriter
  var endpoints = [EndpointState?](repeating: nil, count: EndpointSlot.capacity)
  /// The last endpoint of each slot that has left the pool: nothing is entered for it any more.
  private var departed = [UInt32?](repeating: nil, count: EndpointSlot.capacity)
  var endpointCount = 0
  private var sweeps: [Sweep] = []
  private var sweepingPairs = 0
  /// Bytes of all endpoints' tables.
  var tableBytes = 0
  var news = News(blockTokens: 16, loRANames: [])
  var hasNews = false
  /// Whether the block size among the news is one that an engine has announced.
  var hasBlockTokens = false
  /// Adapters that are remembered.
  static let maximumLoRANames = 1024
  /// Steps of sweeping for each time that a cache is cleared: as many caches are swept that were cleared with a block each.
  static let sweptPerClearing = 64

  init(_ index: BlockIndex, limits: PrefixIndex.Limits, hasher: BlockHasher) {
    self.index = BlockIndexWriter(index)
    self.limits = limits
    self.hasher = hasher
  }

  var pairCount: Int { index.pairCount - sweepingPairs }
  var blockCount: Int { index.blockCount }
  var sizeInBytes: Int { index.sizeInBytes + tableBytes }
  var refused: Int { index.refusedCount }

  // MARK: - Endpoints

  /// Gives a slot to its present endpoint; what is known of an earlier one is removed.
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

  mutating func forget(_ cache: AnnouncedCache) {
    tableBytes -= cache.sizeInBytes
    for (holder, tiers) in cache.holders { sweep(cache.blocks.keys(on: tiers), holder) }
  }

  // MARK: - Routed

  /// Enters a pick's prompts.
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

  /// Takes out of the index what has gone from an endpoint's table.
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

  /// Changes a table of a slot's present endpoint; nil when the slot is another endpoint's.
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

  /// The state of a slot's present endpoint, with its tables as the caller's own, so that changing them copies nothing; to be
  /// put back.
  mutating func take(_ slot: EndpointSlot) -> EndpointState? {
    guard let endpoint = endpoints[slot.index], endpoint.slot.generation == slot.generation else { return nil }
    endpoints[slot.index]?.routed.blocks = RoutedBlocks()
    endpoints[slot.index]?.speculative.blocks = RoutedBlocks()
    endpoints[slot.index]?.caches = [:]
    return endpoint
  }

  /// Takes back what a pick has entered, as far as no other pick has used it since.
  mutating func forget(_ record: PickRecord) {
    end(record.speculativeUses, of: record.slot)
    for (tail, kind) in record.takeTails() where kind == .routed { _ = change(record.slot, kind) { $0.remove(tail) } }
  }

  /// Moves what a pick has entered to another endpoint.
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

  /// Blocks that an endpoint may be known to hold by what was sent there: its share of the memory. Where its engine's
  /// events need half of that, and an eighth for what waits for its parents, both kinds of picks have the rest.
  private func share(of endpoint: borrowing EndpointState) -> Int {
    let share = limits.maximumBytes / max(1, endpointCount)
    let bytes = endpoint.caches.isEmpty ? share : share * 3 / 16
    return max(1, bytes / (RoutedBlocks.bytesPerBlock + Self.sharedBytesPerBlock))
  }

  /// Blocks that a table may have: what the endpoint's cache holds, or its share of the memory.
  func capacity(of endpoint: borrowing EndpointState, _ kind: TableKind) -> Int {
    let blockTokens = kind == .routed ? limits.textBlockTokens : news.blockTokens
    return min(max(1, endpoint.capacityTokens / blockTokens), share(of: endpoint))
  }

  mutating func setCapacity(tokens: Int, of slot: EndpointSlot) {
    guard admit(slot), var endpoint = take(slot) else { return }
    endpoint.capacityTokens = tokens
    shrink(&endpoint)
    endpoints[slot.index] = endpoint
  }

  mutating func setBlockTokens(_ tokens: Int, of slot: EndpointSlot) {
    guard admit(slot) else { return }
    endpoints[slot.index]?.namedBlockTokens = tokens
  }

  /// Takes from all endpoints what is above their share: it has become smaller because one joined.
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

  mutating func shrink(_ blocks: inout RoutedBlocks, to capacity: Int, _ holder: Holder) {
    guard blocks.allocatedBlocks > capacity else { return }
    blocks.evict(blocks.count - capacity)
    takeOut(&blocks, holder)
    let before = blocks.sizeInBytes
    blocks.reallocate(blocks: capacity)
    tableBytes -= before - blocks.sizeInBytes
  }

  /// Gives a table room, by doubling.
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

  /// Readers see nothing of the holder from now on; its blocks go in small steps.
  private mutating func sweep(_ keys: [BlockKey], _ holder: Holder) {
    index.disown(holder)
    sweeps.append(Sweep(keys: keys, holder: holder))
    sweepingPairs += keys.count
  }

  /// Goes on with sweeps: faster when more waits than goes.
  mutating func sweepOn(atLeast steps: Int) { maintain(steps: max(steps, sweepingPairs / 32)) }

  /// Goes on with sweeps for so many blocks, and gives memory back.
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
