import EPPCore

/// The KV cache of one engine, or of one data-parallel rank of it, as far as its events tell: follows them, and keeps the
/// block index the same.
struct AnnouncedCache {
  /// Blocks whose cache misses are made to overlap.
  private static let batchBlocks = 32

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
  private var holdsHoles = false

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
  /// The adapter of the last blocks that were computed with one.
  var lastLoRAName: String? { state.lastLoRAName }

  /// Every holder that blocks may name, for the time when the cache is forgotten.
  var holders: [(holder: Holder, tiers: [StorageTier])] {
    [(gpu, [.gpu]), (gpuOrCPU, [.gpu, .cpu]), (anyTier, [.gpu, .cpu, .storage])].compactMap { holder, tiers in
      holder.map { ($0, tiers) }
    }
  }

  // MARK: - Events

  /// Applies one event of a batch.
  ///
  /// - Parameter limit: blocks that may be known.
  mutating func apply(
    _ event: KVEvent, of batch: borrowing KVEventBatch, hasher: BlockHasher, limit: Int,
    to writer: inout BlockIndexWriter, _ counts: inout AnnouncedCounts
  ) {
    switch event {
    case .stored(let event):
      store(event, batch.hashes, batch.tokens, hasher, limit, &writer, &counts)
    case .removed(let event):
      remove(event, batch.hashes, &writer, &counts)
    case .cleared:
      // The owner puts a new cache into this one's place: see `PrefixIndex`.
      counts.cleared += 1
    }
    publishHoles(&writer)
  }

  private mutating func store(
    _ event: BlocksStored, _ hashes: borrowing [UInt64], _ tokens: borrowing [UInt32], _ hasher: BlockHasher,
    _ limit: Int, _ writer: inout BlockIndexWriter, _ counts: inout AnnouncedCounts
  ) {
    guard event.cacheKind == .wholePrefix, follows(event.group) else {
      counts.notIndexed += event.hashes.count
      return
    }
    if event.isPlaceholder { return relocate(event, hashes, &writer, &counts) }
    guard event.isContiguous, event.blockTokens == blockTokens ?? event.blockTokens else {
      counts.notIndexed += event.hashes.count
      return
    }
    state.blockTokens = event.blockTokens
    if let name = event.loRAName { state.lastLoRAName = name }
    gone.remove(hashes[event.hashes])
    var parent: Int?
    if let hash = event.parent {
      guard let known = blocks.find(hash) else {
        let store = WaitingStores.Store(
          hashes: Array(hashes[event.hashes]), tokens: Array(tokens[event.tokens]), event: event)
        counts.orphaned += event.hashes.count
        waiting.add(store, parent: hash)
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
    guard let number = blocks.insert(hash, key, parent: parent, tier, place: hasDropped ? nil : place) else {
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

  private mutating func remove(
    _ event: BlocksRemoved, _ hashes: borrowing [UInt64], _ writer: inout BlockIndexWriter,
    _ counts: inout AnnouncedCounts
  ) {
    guard state.hasGroup, event.group == state.group else { return }
    for position in event.hashes {
      let hash = hashes[position]
      guard let number = blocks.find(hash) else {
        if waiting.isEmpty || !waiting.remove(hash) { counts.unknown += 1 }
        if !waiting.isEmpty { gone.insert(hash) }
        continue
      }
      if !waiting.isEmpty { gone.insert(hash) }
      if removeCopy(number, event.tier, &writer) { counts.removed += 1 } else { counts.unknown += 1 }
    }
  }

  /// Whether a group is the one that is followed; the first one that holds whole prefixes becomes it.
  private mutating func follows(_ group: Int?) -> Bool {
    if !state.hasGroup {
      state.hasGroup = true
      state.group = group
    }
    return state.group == group
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

  // MARK: - Copies

  private mutating func addCopy(_ number: Int, _ tier: StorageTier, _ writer: inout BlockIndexWriter) {
    blocks.addCopy(number, tier)
    publish(blocks.key(number), tier, &writer)
  }

  /// A copy of a block is known on a tier: the index knows it too.
  private mutating func publish(_ key: BlockKey, _ tier: StorageTier, _ writer: inout BlockIndexWriter) {
    if tier == .gpu {
      if gpu == nil { gpu = writer.makeHolder(HolderOwner(slot: slot, residency: .gpu)) }
      if let gpu { writer.insert(key, gpu) }
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

  /// The first block on a slower tier: from now on the index also knows what is there on any tier up to it. Such tiers
  /// drop blocks in an order of their own, so readers always look closely.
  private mutating func beginTiers(upTo tier: StorageTier, _ writer: inout BlockIndexWriter) {
    func make(_ residency: Residency, _ tiers: [StorageTier]) -> Holder? {
      var owner = HolderOwner(slot: slot, residency: residency)
      owner.hasHoles = true
      guard let holder = writer.makeHolder(owner) else { return nil }
      insert(blocks.keys(on: tiers), holder, &writer)
      return holder
    }
    if tier == .cpu, gpuOrCPU == nil { gpuOrCPU = make(.gpuOrCPU, [.gpu, .cpu]) }
    if tier == .storage, anyTier == nil { anyTier = make(.anyTier, [.gpu, .cpu, .storage]) }
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
      var owner = HolderOwner(slot: slot, residency: .gpu)
      // Readers may come by before all of a prefix is there.
      owner.hasHoles = true
      holdsHoles = true
      guard let holder = writer.makeHolder(owner) else { return false }
      gpu = holder
      insert(blocks.keys(on: [.gpu]), holder, &writer)
    }
    for tier in tiers where tier != .gpu { beginTiers(upTo: tier, &writer) }
    publishHoles(&writer)
    return true
  }

  mutating func publishHoles(_ writer: inout BlockIndexWriter) {
    let hasHoles = blocks.ghosts > 0
    guard hasHoles != holdsHoles, let gpu else { return }
    writer.setHoles(hasHoles, of: gpu)
    holdsHoles = hasHoles
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
