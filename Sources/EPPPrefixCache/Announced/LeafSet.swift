/// The set of the entries of an `AnnouncedBlocks` that are leaves. One bit for each, so that the search for the next leaf
/// examines 64 entries a step. (Entry by entry it took 2 µs to make room for a block where prompts have 6,000.)
struct LeafSet {
  private var words: [UInt64] = []

  /// The memory in bytes.
  var sizeInBytes: Int { words.capacity * MemoryLayout<UInt64>.stride }

  @inline(__always)
  mutating func insert(_ number: Int) {
    while number >> 6 >= words.count { words.append(0) }
    words[number >> 6] |= 1 << UInt64(number & 63)
  }

  /// - Precondition: `number` or a higher number has been inserted before.
  @inline(__always)
  mutating func remove(_ number: Int) { words[number >> 6] &= ~(1 << UInt64(number & 63)) }

  /// The first leaf after `number`, going round; nil when there is none.
  func next(after number: Int) -> Int? {
    guard !words.isEmpty else { return nil }
    let start = number + 1
    var position = start >> 6 < words.count ? start >> 6 : 0
    // Of the first word the upper part now, and the whole of it when all others have been passed.
    var word = start >> 6 < words.count ? words[position] & (.max << UInt64(start & 63)) : words[0]
    for _ in 0...words.count {
      if word != 0 { return position << 6 | word.trailingZeroBitCount }
      position = position + 1 < words.count ? position + 1 : 0
      word = words[position]
    }
    return nil
  }
}
