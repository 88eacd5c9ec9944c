/// Reads the words of a section's payload. Never reads beyond its end, and rejects lengths that exceed it.
struct SnapshotWordCursor {
  /// The payload is incomplete or contradicts itself.
  struct Contradiction: Error {}

  /// The index of the next word.
  private(set) var position: Int
  let end: Int

  /// - Parameter words: the range of the payload in the bytes.
  init(_ words: Range<Int>) {
    position = words.lowerBound
    end = words.upperBound
  }

  /// The number of words that are left.
  var left: Int { end - position }

  /// Reads a word.
  @inline(__always)
  mutating func word(_ bytes: RawSpan) throws(Contradiction) -> UInt64 {
    guard position < end else { throw Contradiction() }
    defer { position += 1 }
    return bytes.word(position)
  }

  /// Reads a word as two numbers of 32 bits.
  mutating func halves(_ bytes: RawSpan) throws(Contradiction) -> (low: Int, high: Int) {
    let word = try word(bytes)
    return (Int(word & 0xFFFF_FFFF), Int(word >> 32))
  }

  /// Reads the number of elements that take at least a word each.
  mutating func count(_ bytes: RawSpan) throws(Contradiction) -> Int {
    let word = try word(bytes)
    guard word <= UInt64(left) else { throw Contradiction() }
    return Int(word)
  }

  /// Skips a column of `count` elements of `width` bytes, and returns the index of its first word.
  mutating func column(_ count: Int, of width: Int) throws(Contradiction) -> Int {
    let words = IndexSnapshotFormat.words(count, of: width)
    guard words <= left else { throw Contradiction() }
    defer { position += words }
    return position
  }

  /// Reads bytes, padded to whole words.
  mutating func bytes(_ count: Int, _ bytes: RawSpan) throws(Contradiction) -> [UInt8] {
    let first = try column(count, of: 1)
    return (0..<count).map { bytes.element($0, of: first) as UInt8 }
  }

  /// Reads a text, preceded by its length in bytes.
  mutating func text(_ bytes: RawSpan) throws(Contradiction) -> String {
    let length = try word(bytes)
    guard length <= UInt64(left * IndexSnapshotFormat.wordBytes) else { throw Contradiction() }
    return String(decoding: try self.bytes(Int(length), bytes), as: UTF8.self)
  }
}

extension RawSpan {
  /// The word with this index.
  @inline(__always)
  func word(_ index: Int) -> UInt64 {
    unsafe unsafeLoadUnaligned(fromByteOffset: index * IndexSnapshotFormat.wordBytes, as: UInt64.self).littleEndian
  }

  /// An element of the column that begins at this word.
  @inline(__always)
  func element<Element: FixedWidthInteger & BitwiseCopyable>(_ index: Int, of word: Int) -> Element {
    let offset = word * IndexSnapshotFormat.wordBytes + index * MemoryLayout<Element>.size
    return unsafe Element(littleEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: Element.self))
  }
}
