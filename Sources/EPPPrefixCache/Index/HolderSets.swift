/// The members of the sets that blocks name, read without locks.
///
/// A set of two or more is stored in an arena: a header word, then four members a word, ascending. It never changes while a
/// block names it.
struct HolderSets: Sendable {
  static let segmentCount = 256
  /// Words in a unit, the smallest piece of the arena.
  static let unitWords = 2
  static let segmentWords = 1 << 17
  static let segmentUnits = segmentWords / unitWords

  private let directory: SharedWords

  init?() {
    guard let directory = SharedWords(size: .page) else { return nil }
    self.directory = directory
  }

  /// Calls `body` with the number of each member, ascending. The caller is in an epoch.
  @inline(__always)
  func forEachMember(of set: HolderSetID, _ body: (Int) -> Void) {
    if let single = set.single { return body(single.number) }
    guard let unit = set.unit, let (words, first) = place(of: unit) else { return }
    let count = Self.memberCount(words.load(first))
    var index = 0
    while index < count {
      var word = words.loadRelaxed(first + 1 + index / 4)
      let end = min(count, index + 4)
      while index < end {
        body(Int(word & 0xFFFF))
        word >>= 16
        index += 1
      }
    }
  }

  /// Whether a holder is in a set. The caller is in an epoch.
  func contains(_ holder: Int, in set: HolderSetID) -> Bool {
    if let single = set.single { return single.number == holder }
    guard let unit = set.unit, let (words, first) = place(of: unit) else { return false }
    var low = 0
    var high = Self.memberCount(words.load(first))
    while low < high {
      let middle = (low + high) / 2
      let member = Int(words.loadRelaxed(first + 1 + middle / 4) >> UInt64(middle % 4 * 16) & 0xFFFF)
      if member == holder { return true }
      if member < holder { low = middle + 1 } else { high = middle }
    }
    return false
  }

  /// The segment and the index of the first word of a unit; nil when the segment does not exist.
  @inline(__always)
  func place(of unit: Int) -> (words: SharedWords, first: Int)? {
    guard let words = SharedWords(packed: directory.load(unit / Self.segmentUnits)) else { return nil }
    return (words, unit % Self.segmentUnits * Self.unitWords)
  }

  /// Publishes a segment of the arena.
  func setSegment(_ number: Int, _ words: SharedWords) { directory.store(words.packed, at: number) }

  /// Frees all memory. No reader may be left.
  func deallocate() {
    for number in 0..<Self.segmentCount { SharedWords(packed: directory.load(number))?.deallocate() }
    directory.deallocate()
  }

  // MARK: - Layout of a set's first word: 16 bits members, 32 bits blocks that name it, flags

  @inline(__always)
  static func memberCount(_ header: UInt64) -> Int { Int(header & 0xFFFF) }

  static func units(members: Int) -> Int { (1 + (members + 3) / 4 + unitWords - 1) / unitWords }
}
