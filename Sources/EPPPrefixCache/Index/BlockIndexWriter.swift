/// What changes a `BlockIndex`: one thread at a time.
struct BlockIndexWriter: ~Copyable {
  let index: BlockIndex
  private var table: BlockTableWriter
  private var sets: HolderSetsWriter
  /// Numbers of holders that are free.
  private var freeHolders: [Int] = []
  private var nextHolder = 0
  /// Numbers that no block names any more, and the epoch in which the last one did.
  private var idleHolders: [(number: Int, epoch: UInt64)] = []
  private var nextShrink = 0

  /// Pairs of a block and a holder.
  private(set) var pairCount = 0
  /// Blocks that could not be entered because there was no memory or no name left for them.
  private(set) var refusedCount = 0

  init(_ index: BlockIndex) {
    self.index = index
    table = BlockTableWriter(index.table, index.epochs)
    sets = HolderSetsWriter(index.sets, index.epochs)
  }

  /// Blocks that at least one holder has.
  var blockCount: Int { table.count }
  /// Bytes of the table and of the arena.
  var sizeInBytes: Int { table.sizeInBytes + sets.sizeInBytes }

  // MARK: - Holders

  /// A holder that has no blocks yet; nil when there are too many.
  mutating func makeHolder(_ owner: HolderOwner) -> Holder? {
    if freeHolders.isEmpty { reclaim() }
    let number: Int
    if let free = freeHolders.popLast() {
      number = free
    } else if nextHolder < Holder.maximumCount {
      number = nextHolder
      nextHolder += 1
    } else {
      return nil
    }
    let holder = Holder(number: number)
    index.setOwner(owner, of: holder)
    return holder
  }

  /// From now on readers find nothing at a holder, whatever blocks still name it.
  func disown(_ holder: Holder) { index.setOwner(nil, of: holder) }

  /// Gives a holder's number back. No block names it any more.
  mutating func release(_ holder: Holder) {
    index.setOwner(nil, of: holder)
    idleHolders.append((holder.number, index.epochs.advance()))
  }

  /// Says whether a holder's blocks may have holes, so that readers look closer.
  func setHoles(_ hasHoles: Bool, of holder: Holder) {
    guard var owner = index.owner(of: holder.number), owner.hasHoles != hasHoles else { return }
    owner.hasHoles = hasHoles
    index.setOwner(owner, of: holder)
  }

  // MARK: - Pairs

  /// Whether a holder has a block.
  func holds(_ key: BlockKey, _ holder: Holder) -> Bool {
    guard case .held(let position) = table.find(key) else { return false }
    return index.sets.contains(holder.number, in: table.set(at: position))
  }

  /// A holder has a block. Does nothing when that is known.
  ///
  /// - Returns: false when there is no memory for it.
  @discardableResult
  mutating func insert(_ key: BlockKey, _ holder: Holder) -> Bool {
    let position: BlockTableWriter.Position
    switch table.find(key) {
    case .held(let found): position = found
    case .free(let free): return enter(key, holder, free)
    case .nowhere: return enter(key, holder, nil)
    }
    let before = table.set(at: position)
    guard let after = sets.adding(holder, to: before) else {
      refusedCount += 1
      return false
    }
    guard after != before else { return true }
    sets.retain(after)
    table.replace(at: position, by: after)
    sets.release(before)
    pairCount += 1
    return true
  }

  private mutating func enter(_ key: BlockKey, _ holder: Holder, _ free: BlockTableWriter.Position?) -> Bool {
    guard table.insert(key, HolderSetID(holder), free: free) else {
      refusedCount += 1
      return false
    }
    pairCount += 1
    return true
  }

  /// A holder does not have a block any more. Does nothing when it had not.
  mutating func remove(_ key: BlockKey, _ holder: Holder) {
    guard case .held(let position) = table.find(key) else { return }
    let before = table.set(at: position)
    // Without room for the smaller set the block is held by no endpoint: the index knows too little then, and nothing wrong.
    let after = sets.removing(holder, from: before) ?? .empty
    guard after != before else { return }
    if after.isEmpty {
      pairCount -= sets.memberCount(of: before)
      table.remove(key, at: position)
    } else {
      pairCount -= 1
      sets.retain(after)
      table.replace(at: position, by: after)
    }
    sets.release(before)
  }

  /// Brings what the next calls will look at into the cache, so that the misses overlap.
  @inline(__always)
  func prefetch(_ key: BlockKey) { table.prefetch(key) }

  // MARK: - Upkeep

  /// Gives back what no reader can be looking at any more; cheap, to be called after some hundred changes.
  mutating func maintain() {
    nextShrink = (nextShrink + 1) % BlockTable.segmentCount
    table.shrink(nextShrink)
    if table.hasRetired || sets.hasManyIdle { reclaim() }
  }

  private mutating func reclaim() {
    let oldest = index.epochs.oldestReader()
    table.reclaim(before: oldest)
    sets.reclaim(before: oldest)
    idleHolders.removeAll { idle in
      guard idle.epoch < oldest else { return false }
      freeHolders.append(idle.number)
      return true
    }
  }
}
