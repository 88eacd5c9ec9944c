/// Reading text out of raw bytes. Offsets are checked, except where a line says why it need not be.
extension RawSpan {
  /// The byte at an offset.
  @inline(__always)
  func byte(at offset: Int) -> UInt8 {
    unsafe unsafeLoad(fromByteOffset: offset, as: UInt8.self)
  }

  /// Eight bytes from an offset on, the first in the lowest place.
  @inline(__always)
  func word(at offset: Int) -> UInt64 {
    UInt64(littleEndian: unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
  }

  /// The offset of the first line feed from `start` on, or `byteCount`.
  ///
  /// Eight bytes at a time: of `x ^ pattern`, a zero byte is a hit, and the lowest set bit of the borrow test is exact
  /// for the first one.
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

  /// Appends the bytes of a range.
  func append(_ range: Range<Int>, to bytes: inout [UInt8]) {
    bytes.reserveCapacity(bytes.count + range.count)
    for offset in range { bytes.append(byte(at: offset)) }
  }
}
