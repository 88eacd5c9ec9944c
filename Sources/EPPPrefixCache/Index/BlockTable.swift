/// The set of holders of each block: an open hash table over block keys that is read without locks.
///
/// A key's upper 10 bits select one of 1,024 segments. Segments grow one at a time, so that no growth takes long. A segment is
/// an array of buckets of one cache line: seven slots, and a count of the keys that found their bucket full and went on to the
/// next one. A probe ends at the first bucket without such keys, and a removal leaves no tombstone.
///
/// A slot is one word: 40 bits of the key and the id of a set. 32 of the 40 bits select the bucket, so a segment can grow
/// without the full keys. Two keys are taken for the same when 50 of their bits are equal.
struct BlockTable: Sendable {
  static let segmentBits = 10
  static let segmentCount = 1 << segmentBits
  static let bucketWords = 8
  static let bucketSlots = bucketWords - 1
  private static let tagMask: UInt64 = (1 << 40) - 1

  /// One word per segment: its packed view, 0 for none.
  private let directory: SharedWords

  /// An empty table; nil when the system has no memory for it.
  init?() {
    guard let directory = SharedWords(size: SharedWords.Size(words: Self.segmentCount)) else { return nil }
    self.directory = directory
  }

  /// The set of holders of a block; the empty set when it is unknown. The caller is in an epoch.
  @inline(__always)
  func set(of key: BlockKey) -> HolderSetID {
    guard let words = segment(Self.segmentNumber(of: key)) else { return .empty }
    let tag = Self.tag(of: key)
    let buckets = Self.bucketCount(words)
    var bucket = Self.home(of: tag, buckets)
    for _ in 0..<buckets {
      let first = bucket * Self.bucketWords
      for slot in 1...Self.bucketSlots {
        let word = words.load(first + slot)
        if word >> UInt64(HolderSetID.bits) == tag { return Self.set(in: word) }
      }
      guard words.load(first) > 0 else { break }
      bucket = Self.bucket(after: bucket, buckets)
    }
    return .empty
  }

  /// A segment by its number; nil when it has no memory yet.
  @inline(__always)
  func segment(_ number: Int) -> SharedWords? { SharedWords(packed: directory.load(number)) }

  /// Publishes a segment. Readers may still use the one before it.
  func setSegment(_ number: Int, _ words: SharedWords) { directory.store(words.packed, at: number) }

  /// Frees all memory. No reader may be left.
  func deallocate() {
    for number in 0..<Self.segmentCount { segment(number)?.deallocate() }
    directory.deallocate()
  }

  // MARK: - Layout

  @inline(__always)
  static func segmentNumber(of key: BlockKey) -> Int {
    Int(truncatingIfNeeded: key.rawValue >> UInt64(64 - segmentBits))
  }

  /// The 40 bits of a key that are stored in its slot; never 0, because 0 is an empty slot.
  @inline(__always)
  static func tag(of key: BlockKey) -> UInt64 {
    let tag = key.rawValue >> 12 & tagMask
    return tag == 0 ? 1 : tag
  }

  @inline(__always)
  static func tag(in word: UInt64) -> UInt64 { word >> UInt64(HolderSetID.bits) }

  @inline(__always)
  static func set(in word: UInt64) -> HolderSetID {
    HolderSetID(rawValue: UInt32(truncatingIfNeeded: word & ((1 << UInt64(HolderSetID.bits)) - 1)))
  }

  @inline(__always)
  static func word(_ tag: UInt64, _ set: HolderSetID) -> UInt64 {
    tag << UInt64(HolderSetID.bits) | UInt64(set.rawValue)
  }

  @inline(__always)
  static func bucketCount(_ words: SharedWords) -> Int { words.count / bucketWords }

  /// The bucket in which a key is stored if there is room. Ascending in the tag.
  @inline(__always)
  static func home(of tag: UInt64, _ buckets: Int) -> Int {
    Int(truncatingIfNeeded: ((tag & 0xFFFF_FFFF) &* UInt64(truncatingIfNeeded: buckets)) >> 32)
  }

  @inline(__always)
  static func bucket(after bucket: Int, _ buckets: Int) -> Int { bucket + 1 < buckets ? bucket + 1 : 0 }
}
