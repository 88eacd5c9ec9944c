/// Walks through the words of a section's payload. Never goes beyond its end, and accepts no length that the bytes do not
/// bear out.
struct SnapshotWordCursor {
  /// The payload does not hold what it says it does.
  struct Contradiction: Error {}

  /// The next word.
  private(set) var position: Int
  let end: Int

  /// - Parameter words: in the bytes that are walked through.
  init(_ words: Range<Int>) {
    position = words.lowerBound
    end = words.upperBound
  }

  var left: Int { end - position }

  @inline(__always)
  mutating func word(_ bytes: RawSpan) throws(Contradiction) -> UInt64 {
    guard position < end else { throw Contradiction() }
    defer { position += 1 }
    return bytes.word(position)
  }

  mutating func halves(_ bytes: RawSpan) throws(Contradiction) -> (low: Int, high: Int) {
    let word = try word(bytes)
    return (Int(word & 0xFFFF_FFFF), Int(word >> 32))
  }

  /// A number of things that take a word each at least.
  mutating func count(_ bytes: RawSpan) throws(Contradiction) -> Int {
    let word = try word(bytes)
    guard word <= UInt64(left) else { throw Contradiction() }
    return Int(word)
  }

  /// Passes over a column, and tells its first word.
  mutating func column(_ count: Int, of width: Int) throws(Contradiction) -> Int {
    let words = IndexSnapshotFormat.words(count, of: width)
    guard words <= left else { throw Contradiction() }
    defer { position += words }
    return position
  }

  mutating func bytes(_ count: Int, _ bytes: RawSpan) throws(Contradiction) -> [UInt8] {
    let first = try column(count, of: 1)
    return (0..<count).map { bytes.element($0, of: first) as UInt8 }
  }

  /// A text behind its length in bytes.
  mutating func text(_ bytes: RawSpan) throws(Contradiction) -> String {
    let length = try word(bytes)
    guard length <= UInt64(left * IndexSnapshotFormat.wordBytes) else { throw Contradiction() }
    return String(decoding: try self.bytes(Int(length), bytes), as: UTF8.self)
  }
}

extension RawSpan {
  /// A word by its number.
  @inline(__always)
  func word(_ index: Int) -> UInt64 {
    unsafe unsafeLoadUnaligned(fromByteOffset: index * IndexSnapshotFormat.wordBytes, as: UInt64.self).littleEndian
  }

  /// An element of the column that begins at a word.
  @inline(__always)
  func element<Element: FixedWidthInteger & BitwiseCopyable>(_ index: Int, of word: Int) -> Element {
    let offset = word * IndexSnapshotFormat.wordBytes + index * MemoryLayout<Element>.size
    return unsafe Element(littleEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: Element.self))
  }
}
