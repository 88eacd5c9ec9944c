/// Which set of holders has each block, in the form that is read without locks: an open hash table over block keys.
///
/// A key's upper 10 bits choose one of 1,024 segments, which grow one at a time, so that no growth takes long. A segment
/// is an array of buckets of one cache line: seven slots, and a count of the keys that found their bucket full and went
/// on to the next one. A probe ends at the first bucket without such keys, and a removal leaves nothing behind.
///
/// A slot is one word: 40 bits of the key and the name of a set. Of those 40, 32 choose the bucket, so a segment can grow
/// without knowing more of a key than that. Two keys are taken for one when 50 of their bits are equal.
struct BlockTable: Sendable {
  static let segmentBits = 10
  static let segmentCount = 1 << segmentBits
  static let bucketWords = 8
  static let bucketSlots = bucketWords - 1
  private static let tagMask: UInt64 = (1 << 40) - 1

  /// One word a segment: its packed view, 0 when it has none.
  private let directory: SharedWords

  init?() {
    guard let directory = SharedWords(size: SharedWords.Size(words: Self.segmentCount)) else { return nil }
    self.directory = directory
  }

  /// The set that holds a block. The caller is in an epoch.
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

  @inline(__always)
  func segment(_ number: Int) -> SharedWords? { SharedWords(packed: directory.load(number)) }

  /// Publishes a segment. The one before it may still be read.
  func setSegment(_ number: Int, _ words: SharedWords) { directory.store(words.packed, at: number) }

  /// Gives all memory back. No reader may be left.
  func deallocate() {
    for number in 0..<Self.segmentCount { segment(number)?.deallocate() }
    directory.deallocate()
  }

  // MARK: - Layout

  @inline(__always)
  static func segmentNumber(of key: BlockKey) -> Int {
    Int(truncatingIfNeeded: key.rawValue >> UInt64(64 - segmentBits))
  }

  /// The part of a key that stands in its slot; never 0, so that no key looks like an empty slot.
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

  /// The bucket of a key, where there is room: larger tags are never before smaller ones.
  @inline(__always)
  static func home(of tag: UInt64, _ buckets: Int) -> Int {
    Int(truncatingIfNeeded: ((tag & 0xFFFF_FFFF) &* UInt64(truncatingIfNeeded: buckets)) >> 32)
  }

  @inline(__always)
  static func bucket(after bucket: Int, _ buckets: Int) -> Int { bucket + 1 < buckets ? bucket + 1 : 0 }
}
