/// The writing side of a `BlockTable`. Used by one thread at a time.
struct BlockTableWriter: ~Copyable {
  /// A slot in a segment.
  struct Position {
    fileprivate var words: SharedWords
    fileprivate var index: Int
  }

  /// The result of looking up a block.
  enum Finding {
    /// The slot of the block.
    case held(Position)
    /// The block is unknown; this slot on its probe path is free.
    case free(Position)
    /// The block is unknown, and there is no segment for it, or no free slot on its probe path.
    case nowhere
  }

  /// A replaced segment that readers may still use.
  private struct Retired {
    var words: SharedWords
    var epoch: UInt64
  }

  private let table: BlockTable
  private let epochs: EpochDomain
  /// Packed views of the segments.
  private var segments = [UInt64](repeating: 0, count: BlockTable.segmentCount)
  /// The number of blocks in each segment.
  private var counts = [Int](repeating: 0, count: BlockTable.segmentCount)
  /// The number of blocks at which each segment grows.
  private var limits = [Int](repeating: 0, count: BlockTable.segmentCount)
  /// Replaced segments that have not been freed yet.
  private var retired: [Retired] = []
  /// Blocks with at least one holder.
  private(set) var count = 0
  /// The memory of all segments in bytes, retired ones included.
  private(set) var sizeInBytes = 0

  init(_ table: BlockTable, _ epochs: EpochDomain) {
    self.table = table
    self.epochs = epochs
  }

  deinit { epochs.releaseAtEnd(retired.map(\.words)) }

  @inline(__always)
  private func segment(_ number: Int) -> SharedWords? { SharedWords(packed: segments[number]) }

  // MARK: - Slots

  /// Looks up a block.
  @inline(__always)
  func find(_ key: BlockKey) -> Finding {
    guard let words = segment(BlockTable.segmentNumber(of: key)) else { return .nowhere }
    let tag = BlockTable.tag(of: key)
    let buckets = BlockTable.bucketCount(words)
    var bucket = BlockTable.home(of: tag, buckets)
    var free = -1
    for _ in 0..<buckets {
      let first = bucket * BlockTable.bucketWords
      for slot in 1...BlockTable.bucketSlots {
        let word = words.loadRelaxed(first + slot)
        if BlockTable.tag(in: word) == tag { return .held(Position(words: words, index: first + slot)) }
        if word == 0, free < 0 { free = first + slot }
      }
      guard words.loadRelaxed(first) > 0 else { break }
      bucket = BlockTable.bucket(after: bucket, buckets)
    }
    return free < 0 ? .nowhere : .free(Position(words: words, index: free))
  }

  /// Prefetches a block's bucket.
  @inline(__always)
  func prefetch(_ key: BlockKey) {
    guard let words = segment(BlockTable.segmentNumber(of: key)) else { return }
    let bucket = BlockTable.home(of: BlockTable.tag(of: key), BlockTable.bucketCount(words))
    words.prefetch(bucket * BlockTable.bucketWords)
  }

  /// The set in a slot.
  @inline(__always)
  func set(at position: Position) -> HolderSetID { BlockTable.set(in: position.words.loadRelaxed(position.index)) }

  /// Replaces the set of a block. `set` is not empty.
  @inline(__always)
  func replace(at position: Position, by set: HolderSetID) {
    let word = position.words.loadRelaxed(position.index)
    position.words.store(BlockTable.word(BlockTable.tag(in: word), set), at: position.index)
  }

  /// Adds an unknown block.
  ///
  /// - Parameter free: the free slot that `find` returned, if any.
  /// - Returns: false when there is no memory for it.
  mutating func insert(_ key: BlockKey, _ set: HolderSetID, free: Position?) -> Bool {
    let number = BlockTable.segmentNumber(of: key)
    let word = BlockTable.word(BlockTable.tag(of: key), set)
    if let free, counts[number] < limits[number] {
      pass(key, to: free, by: 1)
      free.words.store(word, at: free.index)
    } else {
      guard let words = makeRoom(number) else { return false }
      Self.place(word, in: words)
    }
    counts[number] += 1
    count += 1
    return true
  }

  /// Removes the block in a slot.
  mutating func remove(_ key: BlockKey, at position: Position) {
    position.words.store(0, at: position.index)
    // Only now: until here a reader had to be led to the slot.
    pass(key, to: position, by: -1)
    counts[BlockTable.segmentNumber(of: key)] -= 1
    count -= 1
  }

  /// Adds `change` to the counts of the buckets between a block's home bucket and its slot.
  @inline(__always)
  private func pass(_ key: BlockKey, to position: Position, by change: Int) {
    let words = position.words
    let buckets = BlockTable.bucketCount(words)
    let last = position.index / BlockTable.bucketWords
    var bucket = BlockTable.home(of: BlockTable.tag(of: key), buckets)
    while bucket != last {
      let first = bucket * BlockTable.bucketWords
      words.store(words.loadRelaxed(first) &+ UInt64(bitPattern: Int64(change)), at: first)
      bucket = BlockTable.bucket(after: bucket, buckets)
    }
  }

  private static func place(_ word: UInt64, in words: SharedWords) {
    let buckets = BlockTable.bucketCount(words)
    var bucket = BlockTable.home(of: BlockTable.tag(in: word), buckets)
    while true {
      let first = bucket * BlockTable.bucketWords
      for slot in 1...BlockTable.bucketSlots where words.loadRelaxed(first + slot) == 0 {
        words.store(word, at: first + slot)
        return
      }
      words.store(words.loadRelaxed(first) + 1, at: first)
      bucket = BlockTable.bucket(after: bucket, buckets)
    }
  }

  // MARK: - Growth

  private static func slots(_ words: SharedWords) -> Int {
    words.count / BlockTable.bucketWords * BlockTable.bucketSlots
  }

  /// Publishes a segment. It grows when 80 to 92 % of its slots are full; the share differs between segments, so that they do
  /// not all grow at once. At 92 % a probe for an unknown block reads 1.5 buckets.
  private mutating func setSegment(_ number: Int, _ words: SharedWords) {
    sizeInBytes += words.sizeInBytes
    segments[number] = words.packed
    limits[number] = Self.slots(words) * (820 + number % 32 * 4) / 1024
    table.setSegment(number, words)
  }

  /// The segment with room for one more block; nil when there is no memory.
  private mutating func makeRoom(_ number: Int) -> SharedWords? {
    guard let old = segment(number) else {
      guard let words = SharedWords(size: .page) else { return nil }
      setSegment(number, words)
      return words
    }
    guard counts[number] >= limits[number] else { return old }
    guard let larger = SharedWords(size: old.size.next) else {
      // Full buckets pass keys on, so the last free slot can still be used.
      return counts[number] + 1 < Self.slots(old) ? old : nil
    }
    move(number, to: larger)
    return larger
  }

  /// Halves a segment with fewer blocks than an eighth of its words. Cheap when there is nothing to do.
  mutating func shrink(_ number: Int) {
    guard let old = segment(number), let size = old.size.half, counts[number] < old.count / 8,
      let smaller = SharedWords(size: size)
    else { return }
    move(number, to: smaller)
  }

  private mutating func move(_ number: Int, to words: SharedWords) {
    guard let old = segment(number) else { return }
    for bucket in 0..<BlockTable.bucketCount(old) {
      for slot in 1...BlockTable.bucketSlots {
        let word = old.loadRelaxed(bucket * BlockTable.bucketWords + slot)
        if word != 0 { Self.place(word, in: words) }
      }
    }
    setSegment(number, words)
    retired.append(Retired(words: old, epoch: epochs.advance()))
  }

  /// Whether replaced segments have not been freed yet.
  var hasRetired: Bool { !retired.isEmpty }

  /// Frees the segments that no reader uses.
  mutating func reclaim(before oldestReader: UInt64) {
    retired.removeAll { retired in
      guard retired.epoch < oldestReader else { return false }
      sizeInBytes -= retired.words.sizeInBytes
      retired.words.deallocate()
      return true
    }
  }
}
