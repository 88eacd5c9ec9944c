import EPPCore

/// The KV cache of one engine, or of one of its data-parallel ranks, as its events describe it. Applies the events and keeps
/// the block index up to date.
struct AnnouncedCache {
  /// Blocks whose cache misses overlap.
  private static let batchBlocks = 32
  /// The largest block in tokens. vLLM's largest are those of models with Mamba layers, a few thousand.
  private static let maximumBlockTokens = 16_384

  /// The endpoint.
  let slot: EndpointSlot
  /// The blocks that are known.
  private(set) var blocks = AnnouncedBlocks()
  /// Stores whose parents are not known.
  private(set) var waiting = WaitingStores() {
    didSet { if waiting.isEmpty { gone.removeAll() } }
  }
  /// Blocks that have just become known and that stores wait for. Each counts as having one more child, so that it stays.
  private var awaited: [(hash: UInt64, number: Int)] = []
  /// Groups of the engine's cache that are not indexed.
  private var others = OtherGroups()
  /// The group that holds most of the engine's blocks now, when it is another one than the indexed: the cache is then to be
  /// rebuilt with it (`succeeded`).
  private(set) var successor: OtherGroups.Successor?
  /// Blocks that were removed while stores waited for their parents.
  var gone = GoneBlocks()
  /// State besides the blocks.
  private(set) var state = State()
  /// How far the engine's stream has been applied; nil when the event thread does not say.
  var position: EventStreamPosition?
  /// The index's holders for this cache.
  private var names = AnnouncedHolders()
  /// Copies that were dropped to make room.
  private(set) var dropped = 0

  init(slot: EndpointSlot) { self.slot = slot }

  /// A cache with blocks that the index does not know until `publish(on:to:)`.
  init(slot: EndpointSlot, blocks: AnnouncedBlocks, waiting: WaitingStores, state: State) {
    self.slot = slot
    self.blocks = blocks
    self.waiting = waiting
    self.state = state
    if !waiting.isEmpty { gone.forget() }
  }

  /// An empty cache that indexes the successor of this cache's group.
  func succeeded(by successor: OtherGroups.Successor) -> AnnouncedCache {
    var result = AnnouncedCache(slot: slot)
    result.state.group = successor.group
    result.state.lastLoRAName = state.lastLoRAName
    if let indexed { result.others = others.succeeded(by: successor, indexed: indexed) }
    return result
  }

  /// The indexed group, and how many of its blocks are known or wait; nil when there is none.
  private var indexed: (group: CacheGroup, blockCount: Int)? {
    state.group.map { ($0, blocks.count + waiting.blockCount) }
  }

  /// Tokens in a block of the indexed group; nil when there is none.
  var blockTokens: Int? { state.group?.blockTokens }
  /// The memory of all tables in bytes.
  var sizeInBytes: Int { blocks.sizeInBytes + waiting.sizeInBytes + gone.sizeInBytes + others.sizeInBytes }
  /// The adapter of the last blocks that were computed with one; nil when there were none.
  var lastLoRAName: String? { state.lastLoRAName }

  /// Every holder of this cache in the index, with its tiers; needed when the cache is forgotten.
  var holders: [(holder: Holder, tiers: [StorageTier])] { names.all }
  /// Tiers that blocks have ever been on.
  var usedTiers: [StorageTier] { names.usedTiers }

  // MARK: - Events

  /// Applies a store event.
  ///
  /// - Parameters:
  ///   - hashes: all hashes of the event's batch.
  ///   - tokens: all tokens of the event's batch.
  ///   - limit: the largest number of blocks that may be known.
  ///   - namedSize: tokens in a block according to the engine's metrics page; nil where it does not say.
  mutating func store(
    _ event: BlocksStored, _ hashes: borrowing [UInt64], _ tokens: borrowing [UInt32], _ hasher: BlockHasher,
    _ limit: Int, namedSize: Int?, _ writer: inout BlockIndexWriter, _ counts: inout AnnouncedCounts
  ) {
    defer { publishHoles(&writer) }
    if event.isPlaceholder, event.cacheKind == .wholePrefix, follows(event.group, on: event.tier) {
      return relocate(event, hashes, &writer, &counts)
    }
    guard isWhole(event), isIndexed(event) else { return passOver(event, hashes, tokens, namedSize, &counts) }
    if let name = event.loRAName { state.lastLoRAName = name }
    gone.remove(hashes[event.hashes])
    var parent: Int?
    if let hash = event.parent {
      guard let known = blocks.find(hash) else {
        counts.orphaned += event.hashes.count
        waiting.add(
          WaitingStores.Store(
            hashes: Array(hashes[event.hashes]), tokens: Array(tokens[event.tokens]), event: event), parent: hash,
          maximumBytes: Self.waitingBytes(limit))
        return
      }
      parent = known
    }
    place(event, hashes, tokens, parent, hasher, limit, &writer, &counts)
    placeWaiting(hasher, limit, &writer, &counts)
  }

  /// Adds blocks whose parent is known, and notes those that stores wait for.
  private mutating func place(
    _ event: BlocksStored, _ hashes: borrowing [UInt64], _ tokens: borrowing [UInt32], _ parent: Int?,
    _ hasher: BlockHasher, _ limit: Int, _ writer: inout BlockIndexWriter, _ counts: inout AnnouncedCounts
  ) {
    var parent = parent
    var key = parent.map { blocks.key($0) } ?? hasher.root(event.root)
    let width = event.blockTokens * MemoryLayout<UInt32>.size
    var keys = InlineArray<32, BlockKey>(repeating: BlockKey(rawValue: 0))
    var start = event.hashes.lowerBound
    while start < event.hashes.upperBound {
      let end = min(event.hashes.upperBound, start + Self.batchBlocks)
      for position in start..<end {
        let block = position - event.hashes.lowerBound
        let bytes = unsafe tokens.span.bytes
        key = hasher.key(
          after: key, bytes, at: event.tokens.lowerBound * MemoryLayout<UInt32>.size + block * width, width: width)
        if block < event.extraKeys.count { key = hasher.key(key, with: event.blockExtras(block)) }
        keys[position - start] = key
        writer.prefetch(key)
      }
      for position in start..<end {
        let hash = hashes[position]
        let number: Int
        switch blocks.look(for: hash) {
        case .known(let known):
          number = known
          addCopy(number, event.tier, &writer)
        case .unknown(let place):
          guard let new = enter(hash, keys[position - start], behind: parent, event.tier, place, limit, &writer) else {
            counts.refused += event.hashes.upperBound - position
            return
          }
          number = new
        }
        counts.stored += 1
        parent = number
        noteAwaited(hash, number)
      }
      start = end
    }
  }

  /// Adds a block that is not known, with one copy.
  ///
  /// - Parameter place: the free place that `look` found for it.
  /// - Returns: the number of its entry; nil when there is no room for it.
  mutating func enter(
    _ hash: UInt64, _ key: BlockKey, behind parent: Int?, _ tier: StorageTier, _ place: Int?, _ limit: Int,
    _ writer: inout BlockIndexWriter
  ) -> Int? {
    // Counted before room is made, so that the parent, which may have no copies, does not go.
    if let parent { blocks.addChild(parent) }
    let hasDropped = makeRoom(limit, &writer)
    // There is none where all that is left lies before the newcomer: tails go before heads.
    guard blocks.count < limit,
      let number = blocks.insert(hash, key, parent: parent, tier, place: hasDropped ? nil : place)
    else {
      if let parent { blocks.removeChild(parent) }
      return nil
    }
    names.insert(key, tier, of: slot, blocks, &writer)
    return number
  }

  /// Notes a block that has become known, if stores wait for it. It stays, whatever is dropped to make room, until they are
  /// placed.
  private mutating func noteAwaited(_ hash: UInt64, _ number: Int) {
    guard waiting.isAwaited(hash) else { return }
    blocks.addChild(number)
    awaited.append((hash, number))
  }

  /// Places the stores that wait for known blocks, and then those that wait for the blocks so placed. A loop instead of
  /// recursion: 16,384 blocks may wait for one another.
  private mutating func placeWaiting(
    _ hasher: BlockHasher, _ limit: Int, _ writer: inout BlockIndexWriter, _ counts: inout AnnouncedCounts
  ) {
    while let (hash, number) = awaited.popLast() {
      for store in waiting.take(parent: hash) {
        var event = store.event
        event.hashes = 0..<store.hashes.count
        event.tokens = 0..<store.tokens.count
        place(event, store.hashes, store.tokens, number, hasher, limit, &writer, &counts)
      }
      blocks.removeChild(number)
    }
  }

  /// Adds copies of known blocks on another tier.
  private mutating func relocate(
    _ event: BlocksStored, _ hashes: borrowing [UInt64], _ writer: inout BlockIndexWriter,
    _ counts: inout AnnouncedCounts
  ) {
    for position in event.hashes {
      guard let number = blocks.find(hashes[position]) else {
        counts.unknown += 1
        continue
      }
      addCopy(number, event.tier, &writer)
      counts.stored += 1
    }
  }

  /// Applies a removal event.
  mutating func remove(
    _ event: BlocksRemoved, _ hashes: borrowing [UInt64], _ writer: inout BlockIndexWriter,
    _ counts: inout AnnouncedCounts
  ) {
    guard follows(event.group, on: event.tier) else { return others.removed(event, hashes, &counts) }
    defer { publishHoles(&writer) }
    for position in event.hashes {
      let hash = hashes[position]
      let wasWaiting = !waiting.isEmpty
      // What waits lies behind blocks that were on the GPU: those that are adopted for it.
      defer { if wasWaiting, !waiting.isEmpty, event.tier == .gpu { gone.insert(hash) } }
      guard let number = blocks.find(hash) else {
        if !wasWaiting || !waiting.remove(hash, event.tier) { counts.unknown += 1 }
        continue
      }
      counts.noteRemoval(copies: blocks.copies(number, event.tier))
      _ = removeCopy(number, event.tier, &writer)
    }
  }

  /// Whether a store describes the contents of its blocks completely, as whole prefixes.
  private func isWhole(_ event: BlocksStored) -> Bool {
    event.cacheKind == .wholePrefix && !event.hashes.isEmpty && event.isContiguous
      && event.blockTokens <= Self.maximumBlockTokens && event.extraKeys.count <= event.hashes.count
  }

  /// Whether a store belongs to the indexed group. The first store on the GPU selects the group: offloading connectors have
  /// other block sizes (LMCache: 256 tokens), and what they send of a group of sliding windows looks like whole prefixes.
  private mutating func isIndexed(_ event: BlocksStored) -> Bool {
    if state.group == nil, event.tier == .gpu {
      state.group = CacheGroup(number: event.group, blockTokens: event.blockTokens)
    }
    return follows(event.group, on: event.tier) && event.blockTokens == blockTokens
  }

  /// Handles a store that is not indexed.
  private mutating func passOver(
    _ event: BlocksStored, _ hashes: borrowing [UInt64], _ tokens: borrowing [UInt32], _ namedSize: Int?,
    _ counts: inout AnnouncedCounts
  ) {
    others.noteKind(of: event, &counts)
    guard event.tier == .gpu else { return }
    // A group of the same size holds the same blocks; one that holds parts of prefixes stands beside one that holds them whole.
    let isSpare = event.cacheKind == .wholePrefix ? event.blockTokens == blockTokens : blockTokens != nil
    if !isSpare { counts.unusable += event.hashes.count }
    guard isWhole(event), successor == nil, let indexed else { return }
    successor = others.stored(event, hashes, tokens, indexed: indexed, namedSize: namedSize)
  }

  /// Whether a group number is that of the indexed group. Connectors of slower tiers may send none.
  private func follows(_ number: Int?, on tier: StorageTier) -> Bool {
    guard let group = state.group else { return false }
    return number == group.number || number == nil && tier != .gpu
  }

  /// Prefetches what the removal of these hashes will read, so that the cache misses overlap.
  func prefetch(_ hashes: borrowing [UInt64], _ range: Range<Int>, _ writer: borrowing BlockIndexWriter) {
    prefetchPlaces(hashes, range)
    for position in range { blocks.prefetchEntry(hashes[position]) }
    for position in range {
      if let number = blocks.find(hashes[position]) { writer.prefetch(blocks.key(number)) }
    }
  }

  /// Prefetches the hash table places of hashes that will be stored and have no entry yet.
  func prefetchPlaces(_ hashes: borrowing [UInt64], _ range: Range<Int>) {
    for position in range { blocks.prefetchPlace(hashes[position]) }
  }

  /// Whether a block has a copy in the GPU's memory.
  func isOnGPU(_ key: BlockKey, _ writer: borrowing BlockIndexWriter) -> Bool { names.isOnGPU(key, writer) }

  // MARK: - Copies

  private mutating func addCopy(_ number: Int, _ tier: StorageTier, _ writer: inout BlockIndexWriter) {
    blocks.addCopy(number, tier)
    names.insert(blocks.key(number), tier, of: slot, blocks, &writer)
  }

  mutating func removeCopy(_ number: Int, _ tier: StorageTier, _ writer: inout BlockIndexWriter) -> Bool {
    let key = blocks.key(number)
    guard let departure = blocks.removeCopy(number, tier) else { return false }
    names.remove(key, departure, &writer)
    return true
  }

  /// Adds all blocks to the index, which knows none of them yet.
  ///
  /// - Parameter tiers: the tiers that blocks have ever been on.
  /// - Returns: false when the index has no holder left.
  mutating func publish(on tiers: [StorageTier], to writer: inout BlockIndexWriter) -> Bool {
    guard names.make(for: tiers, of: slot, blocks, &writer) else { return false }
    publishHoles(&writer)
    return true
  }

  mutating func publishHoles(_ writer: inout BlockIndexWriter) { names.publishHoles(blocks.holes, &writer) }

  /// The largest size of waiting stores in bytes: a quarter of the memory of `limit` blocks, and at least enough for a few
  /// messages.
  private static func waitingBytes(_ limit: Int) -> Int {
    min(WaitingStores.maximumBytes, max(64 << 10, limit * AnnouncedBlocks.bytesPerBlock / 4))
  }

  /// Drops blocks above a limit that has become smaller, and frees memory.
  ///
  /// - Parameters:
  ///   - limit: the largest number of blocks that may be known.
  ///   - goal: the number of blocks that may stay after this call, at least the limit.
  /// - Returns: whether all entries were moved.
  mutating func trim(_ limit: Int, goal: Int, _ writer: inout BlockIndexWriter) -> Bool {
    waiting.trim(toBytes: Self.waitingBytes(limit))
    _ = makeRoom(goal + 1, &writer)
    publishHoles(&writer)
    guard blocks.compact() else { return false }
    state.hand = 0
    return true
  }

  /// Drops leaves until one more block may be known. The cache is then known less deeply than it is filled.
  ///
  /// - Returns: whether any was dropped.
  mutating func makeRoom(_ limit: Int, _ writer: inout BlockIndexWriter) -> Bool {
    let before = dropped
    while blocks.count >= min(limit, AnnouncedBlocks.maximumCount) {
      guard let leaf = blocks.leaf(from: &state.hand) else { break }
      // Without its last copy the entry is free, and what it counts means nothing.
      for tier in StorageTier.allCases where !blocks.isFree(leaf) {
        for _ in 0..<blocks.copies(leaf, tier) where removeCopy(leaf, tier, &writer) { dropped += 1 }
      }
    }
    return dropped > before
  }
}

/// Blocks that were stored before the events were followed.
extension AnnouncedCache {
  /// Places stores that wait for a block of a prompt, together with the prompt's blocks up to it. The engine held these blocks
  /// when it announced the waiting stores, and has not removed them since, except those in `gone`.
  ///
  /// - Parameters:
  ///   - tokens: the tokens of a prompt without adapter, salt or media.
  ///   - hashes: the engine's hashes of the prompt's blocks.
  mutating func adopt(
    _ tokens: [UInt32], _ hashes: [UInt64], hasher: BlockHasher, limit: Int, to writer: inout BlockIndexWriter,
    _ counts: inout AnnouncedCounts
  ) {
    // Where another engine's block size has been announced last, the hashes are those of other blocks.
    guard let blockTokens, !gone.isFull, let deepest = hashes.lastIndex(where: waiting.isAwaited),
      (deepest + 1) * blockTokens <= tokens.count
    else { return }
    let width = blockTokens * MemoryLayout<UInt32>.size
    let missing = gone
    var entered: [UInt64] = []
    var key = hasher.root(BlockRoot(blockTokens: blockTokens))
    var parent: Int?
    blocks: for position in 0...deepest {
      key = hasher.key(after: key, unsafe tokens.span.bytes, at: position * width, width: width)
      switch blocks.look(for: hashes[position]) {
      case .known(let number):
        // Two blocks of the same name: nothing that follows can be relied on.
        guard blocks.key(number) == key else { break blocks }
        parent = number
      case .unknown(let place):
        guard let number = enter(hashes[position], key, behind: parent, .gpu, place, limit, &writer) else {
          break blocks
        }
        counts.adopted += 1
        if missing.contains(hashes[position]) { entered.append(hashes[position]) }
        parent = number
      }
      if let parent { noteAwaited(hashes[position], parent) }
      placeWaiting(hasher, limit, &writer, &counts)
    }
    // Only now, for they stay as entries without copies while something is behind them.
    for hash in entered {
      if let number = blocks.find(hash), removeCopy(number, .gpu, &writer) { counts.adopted -= 1 }
    }
    publishHoles(&writer)
  }
}
