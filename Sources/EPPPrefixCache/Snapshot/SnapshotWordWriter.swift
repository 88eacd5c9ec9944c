/// Collects the words of a snapshot and their checksum, until they are taken.
struct SnapshotWordWriter {
  /// Not taken yet, in the byte order of the file.
  private(set) var words: [UInt64] = []
  var checksum = IndexSnapshotChecksum(start: 0)
  /// What elements of less than a word have filled so far.
  private var partial: UInt64 = 0
  private var partialBits: UInt64 = 0

  mutating func removeAll() { words.removeAll(keepingCapacity: true) }

  @inline(__always)
  mutating func append(_ word: UInt64) {
    checksum.add(word)
    words.append(word.littleEndian)
  }

  @inline(__always)
  mutating func append(_ low: UInt32, _ high: UInt32) { append(UInt64(high) << 32 | UInt64(low)) }

  /// An element of a column; the column ends with `pad`.
  @inline(__always)
  mutating func append<Element: FixedWidthInteger & UnsignedInteger>(element: Element) {
    partial |= UInt64(truncatingIfNeeded: element) << partialBits
    partialBits += UInt64(Element.bitWidth)
    if partialBits == 64 {
      append(partial)
      (partial, partialBits) = (0, 0)
    }
  }

  /// Ends a column: the next element begins a word.
  mutating func pad() {
    guard partialBits > 0 else { return }
    append(partial)
    (partial, partialBits) = (0, 0)
  }

  /// Bytes, padded to whole words.
  mutating func append(bytes: some Sequence<UInt8>) {
    for byte in bytes { append(element: byte) }
    pad()
  }

  /// Its length in bytes and the text.
  mutating func append(text: String) {
    append(UInt64(text.utf8.count))
    append(bytes: text.utf8)
  }
}
