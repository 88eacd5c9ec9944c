/// Cuts an event stream into lines and gives on the data of those that may hold usage. A line that is cut between two
/// pieces is carried over; one longer than the limit is given up.
struct EventLineScanner: Sendable {
  /// Bytes of a line that are carried over.
  static let maximumCarriedBytes = 65_536

  private var carried: [UInt8] = []
  /// The rest of a line that was too long is passed over.
  private var isSkipping = false

  /// Calls `onUsage` with the JSON of each complete data line in which the word stands.
  mutating func feed(_ bytes: RawSpan, _ onUsage: (RawSpan) -> Void) {
    var start = 0
    while start < bytes.byteCount {
      guard let end = Self.newline(bytes, from: start) else {
        carry(bytes.extracting(start..<bytes.byteCount))
        return
      }
      if isSkipping {
        isSkipping = false
      } else if carried.isEmpty {
        Self.line(bytes.extracting(start..<end), onUsage)
      } else {
        carry(bytes.extracting(start..<end))
        if !isSkipping { unsafe Self.line(carried.span.bytes, onUsage) }
        isSkipping = false
        carried.removeAll(keepingCapacity: true)
      }
      start = end + 1
    }
  }

  private mutating func carry(_ piece: RawSpan) {
    guard !isSkipping else { return }
    guard carried.count + piece.byteCount <= Self.maximumCarriedBytes else {
      carried = []
      isSkipping = true
      return
    }
    unsafe piece.withUnsafeBytes { unsafe carried.append(contentsOf: $0) }
  }

  /// Lines end with CR LF, LF or CR; a lone CR does not occur in the answers of engines.
  private static func newline(_ bytes: RawSpan, from start: Int) -> Int? {
    let ones: UInt64 = 0x0101_0101_0101_0101
    var offset = start
    while offset + 8 <= bytes.byteCount {
      let word =
        unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self).littleEndian ^ (ones &* 0x0A)
      let found = (word &- ones) & ~word & 0x8080_8080_8080_8080
      if found != 0 { return offset + (found.trailingZeroBitCount >> 3) }
      offset += 8
    }
    while offset < bytes.byteCount {
      if unsafe bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self) == 0x0A { return offset }
      offset += 1
    }
    return nil
  }

  /// `data:` and, behind it, `"usage":{` or the like: nearly all lines end at the first test or the second.
  private static func line(_ line: RawSpan, _ onUsage: (RawSpan) -> Void) {
    guard line.byteCount > 5,
      unsafe line.unsafeLoadUnaligned(fromByteOffset: 0, as: UInt32.self).littleEndian == 0x6174_6164,
      unsafe line.unsafeLoad(fromByteOffset: 4, as: UInt8.self) == UInt8(ascii: ":")
    else { return }
    // `"usage":` as the eight bytes of a word, at any offset; `"usage" :` is not written by any engine, but costs nothing.
    let pattern: UInt64 = 0x6567_6173_7522
    var offset = 5
    while offset + 8 <= line.byteCount {
      let word = unsafe line.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self).littleEndian
      if word & 0xFFFF_FFFF_FFFF == pattern {
        onUsage(line.extracting(5..<line.byteCount))
        return
      }
      offset += 1
    }
  }
}
