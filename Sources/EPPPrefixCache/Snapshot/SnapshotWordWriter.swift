/// Collects the words of a snapshot and their checksum.
struct SnapshotWordWriter {
  /// The collected words, in the byte order of the file.
  private(set) var words: [UInt64] = []
  /// The checksum of the words since it was last set.
  var checksum = IndexSnapshotChecksum(start: 0)
  /// The bits of the current word that elements of less than a word have filled.
  private var partial: UInt64 = 0
  /// The number of bits in `partial`.
  private var partialBits: UInt64 = 0

  /// Removes the words and keeps the checksum.
  mutating func removeAll() { words.removeAll(keepingCapacity: true) }

  /// Appends a word.
  @inline(__always)
  mutating func append(_ word: UInt64) {
    checksum.add(word)
    words.append(word.littleEndian)
  }

  /// Appends two numbers of 32 bits as one word.
  @inline(__always)
  mutating func append(_ low: UInt32, _ high: UInt32) { append(UInt64(high) << 32 | UInt64(low)) }

  /// Appends an element of a column; the column ends with `pad`.
  @inline(__always)
  mutating func append<Element: FixedWidthInteger & UnsignedInteger>(element: Element) {
    partial |= UInt64(truncatingIfNeeded: element) << partialBits
    partialBits += UInt64(Element.bitWidth)
    if partialBits == 64 {
      append(partial)
      (partial, partialBits) = (0, 0)
    }
  }

  /// Ends a column: fills the current word with zeros.
  mutating func pad() {
    guard partialBits > 0 else { return }
    append(partial)
    (partial, partialBits) = (0, 0)
  }

  /// Appends bytes, padded to whole words.
  mutating func append(bytes: some Sequence<UInt8>) {
    for byte in bytes { append(element: byte) }
    pad()
  }

  /// Appends the length of a text in bytes and the text.
  mutating func append(text: String) {
    append(UInt64(text.utf8.count))
    append(bytes: text.utf8)
  }
}
