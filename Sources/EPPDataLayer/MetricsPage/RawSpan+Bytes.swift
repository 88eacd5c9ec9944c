/// Reading text from raw bytes.
extension RawSpan {
  /// Returns the byte at an offset.
  @inline(__always)
  func byte(at offset: Int) -> UInt8 {
    unsafe unsafeLoad(fromByteOffset: offset, as: UInt8.self)
  }

  /// Returns eight bytes from an offset on as a little-endian number: the first byte is the lowest.
  @inline(__always)
  func word(at offset: Int) -> UInt64 {
    UInt64(littleEndian: unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
  }

  /// Returns the offset of the first line feed from `start` on; `byteCount` when there is none.
  ///
  /// Compares eight bytes at a time: a zero byte of `x ^ pattern` is a line feed, and the lowest set bit of
  /// `(v - ones) & ~v & highs` marks the first zero byte of `v`.
  @inline(__always)
  func firstLineFeed(from start: Int) -> Int {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let highs: UInt64 = 0x8080_8080_8080_8080
    var offset = start
    while offset &+ 16 <= byteCount {
      let first = word(at: offset) ^ (ones &* 10)
      let second = word(at: offset &+ 8) ^ (ones &* 10)
      let firstHit = (first &- ones) & ~first & highs
      if firstHit != 0 { return offset &+ firstHit.trailingZeroBitCount / 8 }
      let secondHit = (second &- ones) & ~second & highs
      if secondHit != 0 { return offset &+ 8 &+ secondHit.trailingZeroBitCount / 8 }
      offset &+= 16
    }
    while offset < byteCount, byte(at: offset) != 0x0A { offset &+= 1 }
    return offset
  }

  /// Whether the bytes of a range are equal to others.
  func isEqual(_ range: Range<Int>, _ others: [UInt8]) -> Bool {
    guard range.count == others.count else { return false }
    for index in others.indices where byte(at: range.lowerBound &+ index) != others[index] { return false }
    return true
  }

  /// Appends the bytes of a range.
  func append(_ range: Range<Int>, to bytes: inout [UInt8]) {
    bytes.reserveCapacity(bytes.count + range.count)
    for offset in range { bytes.append(byte(at: offset)) }
  }
}
