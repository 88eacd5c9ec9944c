/// Changes a `BlockIndex`. Used by one thread at a time.
struct BlockIndexWriter: ~Copyable {
  /// The index that readers use.
  let index: BlockIndex
  private var table: BlockTableWriter
  private var sets: HolderSetsWriter
  /// Free numbers of holders.
  private var freeHolders: [Int] = []
  private var nextHolder = 0
  /// Numbers that no block names any more, each with the epoch in which it was released.
  private var idleHolders: [(number: Int, epoch: UInt64)] = []
  private var nextShrink = 0

  /// Pairs of a block and a holder.
  private(set) var pairCount = 0
  /// Blocks that were not added for lack of memory or set names.
  private(set) var refusedCount = 0

  init(_ index: BlockIndex) {
    self.index = index
    table = BlockTableWriter(index.table, index.epochs)
    sets = HolderSetsWriter(index.sets, index.epochs)
  }

  /// Blocks with at least one holder.
  var blockCount: Int { table.count }
  /// The memory of table and arena in bytes.
  var sizeInBytes: Int { table.sizeInBytes + sets.sizeInBytes }

  // MARK: - Holders

  /// A holder without blocks; nil when there are too many holders.
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

  /// Removes the owner of a holder: readers find nothing at it from now on, even though blocks still name it.
  func disown(_ holder: Holder) { index.setOwner(nil, of: holder) }

  /// Frees a holder's number. No block may name it any more.
  mutating func release(_ holder: Holder) {
    index.setOwner(nil, of: holder)
    idleHolders.append((holder.number, index.epochs.advance()))
  }

  /// Publishes whether a holder's blocks may have holes, so that readers check its depth.
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

  /// Adds a block to a holder. Does nothing when the holder has it.
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

  /// Removes a block from a holder. Does nothing when the holder does not have it.
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

  /// Prefetches what changes of this block will read, so that cache misses overlap.
  @inline(__always)
  func prefetch(_ key: BlockKey) { table.prefetch(key) }

  // MARK: - Upkeep

  /// Frees memory that no reader can be using any more. Cheap; to be called after some hundred changes.
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
