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
  /// Blocks that have gone while others waited for their parents.
  var gone = GoneBlocks()
  /// What beside the blocks events have said.
  private(set) var state = State()
  /// How far the engine's stream has been applied, if the event thread says so.
  var position: EventStreamPosition?
  /// What the index calls the cache, by the slowest tier that counts; only the GPU's until another tier is used.
  private var gpu: Holder?
  private var gpuOrCPU: Holder?
  private var anyTier: Holder?
  /// Copies that were dropped to make room.
  private(set) var dropped = 0
  /// What the index has been told of holes in what these hold.
  private var holes = (gpu: false, gpuOrCPU: false, anyTier: false)

  init(slot: EndpointSlot) { self.slot = slot }

  /// One with blocks that the index does not know yet: `publish(on:to:)`.
  init(slot: EndpointSlot, blocks: AnnouncedBlocks, waiting: WaitingStores, state: State) {
    self.slot = slot
    self.blocks = blocks
    self.waiting = waiting
    self.state = state
    if !waiting.isEmpty { gone.forget() }
  }

  /// Tokens in a block, as first announced.
  var blockTokens: Int? { state.blockTokens }
  var sizeInBytes: Int { blocks.sizeInBytes + waiting.sizeInBytes + gone.sizeInBytes }
  /// The adapter of the last blocks that were computed with one.
  var lastLoRAName: String? { state.lastLoRAName }

  /// Every holder that blocks may name, for the time when the cache is forgotten.
  var holders: [(holder: Holder, tiers: [StorageTier])] {
    [(gpu, [.gpu]), (gpuOrCPU, [.gpu, .cpu]), (anyTier, [.gpu, .cpu, .storage])].compactMap { holder, tiers in
      holder.map { ($0, tiers) }
    }
  }

  // MARK: - Events

  /// Blocks are stored.
  ///
  /// - Parameters:
  ///   - hashes: of the event's batch, as are the tokens.
  ///   - limit: blocks that may be known.
  mutating func store(
    _ event: BlocksStored, _ hashes: borrowing [UInt64], _ tokens: borrowing [UInt32], _ hasher: BlockHasher,
    _ limit: Int, _ writer: inout BlockIndexWriter, _ counts: inout AnnouncedCounts
  ) {
    defer { publishHoles(&writer) }
    if event.isPlaceholder, event.cacheKind == .wholePrefix, follows(event.group, on: event.tier) {
      return relocate(event, hashes, &writer, &counts)
    }
    guard isIndexed(event) else {
      counts.notIndexed += event.hashes.count
      return
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
    // Counted before room is made, so that the parent, which may be a ghost, does not go.
    if let parent { blocks.addChild(parent) }
    let hasDropped = makeRoom(limit, &writer)
    // There is none where all that is left lies before the newcomer: tails go before heads.
    guard blocks.count < limit,
      let number = blocks.insert(hash, key, parent: parent, tier, place: hasDropped ? nil : place)
    else {
      if let parent { blocks.removeChild(parent) }
      return nil
    }
    publish(key, tier, &writer)
    return number
  }

  /// Notes a block that is known now, if others wait for it. It stays, whatever goes to make room, until they have come.
  mutating func noteAwaited(_ hash: UInt64, _ number: Int) {
    guard waiting.isAwaited(hash) else { return }
    blocks.addChild(number)
    awaited.append((hash, number))
  }

  /// Enters what has waited for blocks that are known now, and then what has waited for that. In a list and not by calls
  /// within calls: 16,384 blocks may wait for one another.
  mutating func placeWaiting(
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
    guard follows(event.group, on: event.tier) else { return }
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

  /// Whether a store says what is in its blocks, and belongs to the group that is followed. The first one on the GPU
  /// chooses the group and the block size: offloading connectors have other sizes (LMCache: 256 tokens), and what they
  /// send of a group of sliding windows looks like whole prefixes.
  private mutating func isIndexed(_ event: BlocksStored) -> Bool {
    guard event.cacheKind == .wholePrefix, !event.hashes.isEmpty, event.isContiguous,
      event.blockTokens <= Self.maximumBlockTokens, event.extraKeys.count <= event.hashes.count
    else { return false }
    if !state.hasGroup, event.tier == .gpu {
      state.hasGroup = true
      state.group = event.group
    }
    guard follows(event.group, on: event.tier), event.blockTokens == blockTokens ?? event.blockTokens else {
      return false
    }
    state.blockTokens = event.blockTokens
    return true
  }

  /// Whether a group is the one that is followed. Connectors of slower tiers may number none.
  private func follows(_ group: Int?, on tier: StorageTier) -> Bool {
    state.hasGroup && (group == state.group || group == nil && tier != .gpu)
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
  func isOnGPU(_ key: BlockKey, _ writer: borrowing BlockIndexWriter) -> Bool {
    guard let gpu else { return false }
    return writer.holds(key, gpu)
  }

  // MARK: - Copies

  private mutating func addCopy(_ number: Int, _ tier: StorageTier, _ writer: inout BlockIndexWriter) {
    blocks.addCopy(number, tier)
    publish(blocks.key(number), tier, &writer)
  }

  /// A copy of a block is known on a tier: the index knows it too.
  private mutating func publish(_ key: BlockKey, _ tier: StorageTier, _ writer: inout BlockIndexWriter) {
    if tier == .gpu {
      if let gpu { writer.insert(key, gpu) } else { gpu = makeHolder(.gpu, [.gpu], &writer) }
    } else {
      beginTiers(upTo: tier, &writer)
    }
    if tier != .storage, let gpuOrCPU { writer.insert(key, gpuOrCPU) }
    if let anyTier { writer.insert(key, anyTier) }
  }

  mutating func removeCopy(_ number: Int, _ tier: StorageTier, _ writer: inout BlockIndexWriter) -> Bool {
    let key = blocks.key(number)
    guard let departure = blocks.removeCopy(number, tier) else { return false }
    if departure.fromGPU, let gpu { writer.remove(key, gpu) }
    if departure.fromGPUAndCPU, let gpuOrCPU { writer.remove(key, gpuOrCPU) }
    if departure.fromAll, let anyTier { writer.remove(key, anyTier) }
    return true
  }

  /// The first block on a slower tier: from now on the index also knows what is there on any tier up to it.
  private mutating func beginTiers(upTo tier: StorageTier, _ writer: inout BlockIndexWriter) {
    if tier == .cpu, gpuOrCPU == nil { gpuOrCPU = makeHolder(.gpuOrCPU, [.gpu, .cpu], &writer) }
    if tier == .storage, anyTier == nil { anyTier = makeHolder(.anyTier, [.gpu, .cpu, .storage], &writer) }
  }

  /// A holder with all blocks that are known on its tiers; nil when there are too many holders.
  private mutating func makeHolder(
    _ residency: Residency, _ tiers: [StorageTier], _ writer: inout BlockIndexWriter
  ) -> Holder? {
    var owner = HolderOwner(slot: slot, residency: residency)
    // Readers may come by before all of a prefix is there.
    owner.hasHoles = true
    guard let holder = writer.makeHolder(owner) else { return nil }
    switch residency {
    case .gpu: holes.gpu = true
    case .gpuOrCPU: holes.gpuOrCPU = true
    default: holes.anyTier = true
    }
    insert(blocks.keys(on: tiers), holder, &writer)
    return holder
  }

  private func insert(_ keys: [BlockKey], _ holder: Holder, _ writer: inout BlockIndexWriter) {
    for (position, key) in keys.enumerated() {
      if position % Self.batchBlocks == 0 {
        for ahead in keys[position...].prefix(Self.batchBlocks) { writer.prefetch(ahead) }
      }
      writer.insert(key, holder)
    }
  }

  /// Tiers that blocks have ever been on.
  var usedTiers: [StorageTier] {
    [(gpu, StorageTier.gpu), (gpuOrCPU, .cpu), (anyTier, .storage)].compactMap { $0 == nil ? nil : $1 }
  }

  /// Tells the index of all blocks, of which it knows none.
  ///
  /// - Parameter tiers: those that blocks have ever been on.
  /// - Returns: false when the index has no names left.
  mutating func publish(on tiers: [StorageTier], to writer: inout BlockIndexWriter) -> Bool {
    if tiers.contains(.gpu) {
      guard let holder = makeHolder(.gpu, [.gpu], &writer) else { return false }
      gpu = holder
    }
    for tier in tiers where tier != .gpu { beginTiers(upTo: tier, &writer) }
    publishHoles(&writer)
    return true
  }

  mutating func publishHoles(_ writer: inout BlockIndexWriter) {
    let ghosts = blocks.ghosts
    Self.publish(ghosts.gpu > 0, of: gpu, &holes.gpu, &writer)
    Self.publish(ghosts.gpuOrCPU > 0, of: gpuOrCPU, &holes.gpuOrCPU, &writer)
    Self.publish(ghosts.anyTier > 0, of: anyTier, &holes.anyTier, &writer)
  }

  @inline(__always)
  private static func publish(
    _ hasHoles: Bool, of holder: Holder?, _ published: inout Bool, _ writer: inout BlockIndexWriter
  ) {
    guard hasHoles != published, let holder else { return }
    writer.setHoles(hasHoles, of: holder)
    published = hasHoles
  }

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
