import EPPCore

/// The KV cache of one engine, or of one data-parallel rank of it, as far as its events tell: follows them, and keeps the
/// block index the same.
struct AnnouncedCache {
  /// Blocks whose cache misses are made to overlap.
  private static let batchBlocks = 32
  /// Tokens in a block. vLLM's largest are those of models with Mamba layers, a few thousand.
  private static let maximumBlockTokens = 16_384

  let slot: EndpointSlot
  private(set) var blocks = AnnouncedBlocks()
  private(set) var waiting = WaitingStores() {
    didSet { if waiting.isEmpty { gone.removeAll() } }
  }
  /// Blocks that others wait for and that are known now, each held as if it had a child more.
  private var awaited: [(hash: UInt64, number: Int)] = []
  /// Groups of the engine's cache that are not indexed.
  private var others = OtherGroups()
  /// The one of them that holds most of the engine's blocks now: the cache is to be made anew with it (`succeeded`).
  private(set) var successor: OtherGroups.Successor?
  /// Blocks that have gone while others waited for their parents.
  var gone = GoneBlocks()
  /// What beside the blocks events have said.
  private(set) var state = State()
  /// How far the engine's stream has been applied, if the event thread says so.
  var position: EventStreamPosition?
  /// What the index calls the cache.
  private var names = AnnouncedHolders()
  /// Copies that were dropped to make room.
  private(set) var dropped = 0

  init(slot: EndpointSlot) { self.slot = slot }

  /// One with blocks that the index does not know yet: `publish(on:to:)`.
  init(slot: EndpointSlot, blocks: AnnouncedBlocks, waiting: WaitingStores, state: State) {
    self.slot = slot
    self.blocks = blocks
    self.waiting = waiting
    self.state = state
    if !waiting.isEmpty { gone.forget() }
  }

  /// An empty one that indexes the successor of this one's group.
  func succeeded(by successor: OtherGroups.Successor) -> AnnouncedCache {
    var result = AnnouncedCache(slot: slot)
    result.state.group = successor.group
    result.state.lastLoRAName = state.lastLoRAName
    if let indexed { result.others = others.succeeded(by: successor, indexed: indexed) }
    return result
  }

  /// The group that is indexed, and how many of its blocks are known or wait.
  private var indexed: (group: CacheGroup, blockCount: Int)? {
    state.group.map { ($0, blocks.count + waiting.blockCount) }
  }

  /// Tokens in a block of the group that is indexed.
  var blockTokens: Int? { state.group?.blockTokens }
  var sizeInBytes: Int { blocks.sizeInBytes + waiting.sizeInBytes + gone.sizeInBytes + others.sizeInBytes }
  /// The adapter of the last blocks that were computed with one.
  var lastLoRAName: String? { state.lastLoRAName }

  /// Every holder that blocks may name, for the time when the cache is forgotten.
  var holders: [(holder: Holder, tiers: [StorageTier])] { names.all }
  /// Tiers that blocks have ever been on.
  var usedTiers: [StorageTier] { names.usedTiers }

  // MARK: - Events

  /// Blocks are stored.
  ///
  /// - Parameters:
  ///   - hashes: of the event's batch, as are the tokens.
  ///   - limit: blocks that may be known.
  ///   - namedSize: tokens in a block, as the engine's metrics page has it.
  mutating func store(
    _ event: BlocksStored, _ hashes: borrowing [UInt64], _ tokens: borrowing [UInt32], _ hasher: BlockHasher,
    _ limit: Int, namedSize: Int?, _ writer: inout BlockIndexWriter, _ counts: inout AnnouncedCounts
  ) {
    defer { publishHoles(&writer) }
    if event.isPlaceholder, event.cacheKind == .wholePrefix, follows(event.group, on: event.tier) {
      return relocate(event, hashes, &writer, &counts)
    }
    guard isWhole(event), isIndexed(event) else {
      counts.notIndexed += event.hashes.count
      return passOver(event, hashes, tokens, namedSize, &counts)
    }
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

  /// Enters blocks whose parent is known, and notes those that others wait for.
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

  /// Enters a block that is not known, with one copy.
  ///
  /// - Parameter place: the free place that a look for it has found.
  /// - Returns: its number; nil when there is no room for it.
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

  /// Notes a block that is known now, if others wait for it. It stays, whatever goes to make room, until they have come.
  private mutating func noteAwaited(_ hash: UInt64, _ number: Int) {
    guard waiting.isAwaited(hash) else { return }
    blocks.addChild(number)
    awaited.append((hash, number))
  }

  /// Enters what has waited for blocks that are known now, and then what has waited for that. In a list and not by calls
  /// within calls: 16,384 blocks may wait for one another.
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

  /// Blocks that are known have a copy on another tier.
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

  /// Copies of blocks are gone.
  mutating func remove(
    _ event: BlocksRemoved, _ hashes: borrowing [UInt64], _ writer: inout BlockIndexWriter,
    _ counts: inout AnnouncedCounts
  ) {
    guard follows(event.group, on: event.tier) else { return others.removed(event, hashes) }
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
      if removeCopy(number, event.tier, &writer) { counts.removed += 1 } else { counts.unknown += 1 }
    }
  }

  /// Whether a store says what is in its blocks, from the beginning of a prefix on.
  private func isWhole(_ event: BlocksStored) -> Bool {
    event.cacheKind == .wholePrefix && !event.hashes.isEmpty && event.isContiguous
      && event.blockTokens <= Self.maximumBlockTokens && event.extraKeys.count <= event.hashes.count
  }

  /// Whether a store belongs to the group that is indexed. The first one on the GPU chooses: offloading connectors have other
  /// sizes (LMCache: 256 tokens), and what they send of a group of sliding windows looks like whole prefixes.
  private mutating func isIndexed(_ event: BlocksStored) -> Bool {
    if state.group == nil, event.tier == .gpu {
      state.group = CacheGroup(number: event.group, blockTokens: event.blockTokens)
    }
    return follows(event.group, on: event.tier) && event.blockTokens == blockTokens
  }

  /// A store that is not indexed.
  private mutating func passOver(
    _ event: BlocksStored, _ hashes: borrowing [UInt64], _ tokens: borrowing [UInt32], _ namedSize: Int?,
    _ counts: inout AnnouncedCounts
  ) {
    guard event.tier == .gpu else { return }
    // A group of the same size holds the same blocks; one that holds parts of prefixes stands beside one that holds them whole.
    let isSpare = event.cacheKind == .wholePrefix ? event.blockTokens == blockTokens : blockTokens != nil
    if !isSpare { counts.unusable += event.hashes.count }
    guard isWhole(event), successor == nil, let indexed else { return }
    successor = others.stored(event, hashes, tokens, indexed: indexed, namedSize: namedSize)
  }

  /// Whether a group is the one that is indexed. Connectors of slower tiers may number none.
  private func follows(_ number: Int?, on tier: StorageTier) -> Bool {
    guard let group = state.group else { return false }
    return number == group.number || number == nil && tier != .gpu
  }

  /// Brings what the removal of these hashes will look at into the cache, so that the misses overlap.
  func prefetch(_ hashes: borrowing [UInt64], _ range: Range<Int>, _ writer: borrowing BlockIndexWriter) {
    prefetchPlaces(hashes, range)
    for position in range { blocks.prefetchEntry(hashes[position]) }
    for position in range {
      if let number = blocks.find(hashes[position]) { writer.prefetch(blocks.key(number)) }
    }
  }

  /// The same for hashes that are stored, which have no entry yet.
  func prefetchPlaces(_ hashes: borrowing [UInt64], _ range: Range<Int>) {
    for position in range { blocks.prefetchPlace(hashes[position]) }
  }

  /// Whether a block is in the GPU's memory.
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

  /// Tells the index of all blocks, of which it knows none.
  ///
  /// - Parameter tiers: those that blocks have ever been on.
  /// - Returns: false when the index has no names left.
  mutating func publish(on tiers: [StorageTier], to writer: inout BlockIndexWriter) -> Bool {
    guard names.make(for: tiers, of: slot, blocks, &writer) else { return false }
    publishHoles(&writer)
    return true
  }

  mutating func publishHoles(_ writer: inout BlockIndexWriter) { names.publishHoles(blocks.holes, &writer) }

  /// Bytes that may wait beside so many blocks that may be known: a quarter of theirs. What a few messages bring may wait
  /// in any case.
  private static func waitingBytes(_ limit: Int) -> Int {
    min(WaitingStores.maximumBytes, max(64 << 10, limit * AnnouncedBlocks.bytesPerBlock / 4))
  }

  /// Comes down to a limit that has become smaller, and gives back memory that is not needed any more.
  ///
  /// - Parameter goal: blocks that may stay this time, at least the limit.
  /// - Returns: whether all entries were moved.
  mutating func trim(_ limit: Int, goal: Int, _ writer: inout BlockIndexWriter) -> Bool {
    waiting.trim(toBytes: Self.waitingBytes(limit))
    _ = makeRoom(goal + 1, &writer)
    publishHoles(&writer)
    guard blocks.compact() else { return false }
    state.hand = 0
    return true
  }

  /// Drops leaves until another block may be known: the cache is then known less deeply than it is filled.
  ///
  /// - Returns: whether something was dropped.
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

/// Blocks that were there before anybody listened.
extension AnnouncedCache {
  /// Places stores that wait for a block of a prompt, whose tokens are known from elsewhere, together with the blocks
  /// before it: the engine held these when it announced what waits, and has not removed them since, unless it has said so.
  ///
  /// - Parameters:
  ///   - tokens: the prompt's, without adapter, salt or media.
  ///   - hashes: what the engine calls the prompt's blocks.
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
