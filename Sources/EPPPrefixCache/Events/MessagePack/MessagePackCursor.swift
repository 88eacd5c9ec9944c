/// Parses MessagePack in place: no tree, no copies. Values that are not read are skipped.
///
/// Accepts any bytes: lengths are checked against the bytes that are left, and nesting is bounded. After an error the cursor
/// cannot be used further. Like `JSONCursor` it holds offsets only, and every method takes the same bytes again.
struct MessagePackCursor: Sendable {
  /// The deepest nesting of arrays and maps in a skipped value; events nest five deep.
  static let maximumDepth = 32

  /// The kind of a value, determined by its first byte.
  enum Kind: Equatable, Sendable {
    case null
    case boolean
    case integer
    case float
    case string
    case binary
    case array
    case map
    case other
  }

  private(set) var offset = 0
  private let end: Int

  init(_ bytes: RawSpan) { end = bytes.byteCount }

  // MARK: - Values

  /// The kind of the next value; nil at the end.
  func kind(_ bytes: RawSpan) -> Kind? {
    guard offset < end else { return nil }
    switch byte(bytes, offset) {
    case 0x00...0x7F, 0xE0...0xFF, 0xCC...0xD3: return .integer
    case 0x80...0x8F, 0xDE, 0xDF: return .map
    case 0x90...0x9F, 0xDC, 0xDD: return .array
    case 0xA0...0xBF, 0xD9...0xDB: return .string
    case 0xC0: return .null
    case 0xC2, 0xC3: return .boolean
    case 0xC4...0xC6: return .binary
    case 0xCA, 0xCB: return .float
    default: return .other
    }
  }

  /// Reads a nil if the next value is one; returns whether it was.
  mutating func readNull(_ bytes: RawSpan) -> Bool {
    guard offset < end, byte(bytes, offset) == 0xC0 else { return false }
    offset += 1
    return true
  }

  /// Reads an integer and returns its bits; a negative one as its two's complement.
  @inline(__always)
  mutating func readInteger(_ bytes: RawSpan) throws(MessagePackError) -> UInt64 {
    guard offset < end else { throw error(.cut) }
    let first = byte(bytes, offset)
    if first < 0x80 {
      offset += 1
      return UInt64(first)
    }
    return try readLongInteger(bytes, first)
  }

  private mutating func readLongInteger(_ bytes: RawSpan, _ first: UInt8) throws(MessagePackError) -> UInt64 {
    offset += 1
    switch first {
    case 0xE0...0xFF: return UInt64(bitPattern: Int64(Int8(bitPattern: first)))
    case 0xCC: return try bigEndian(bytes, UInt8.self)
    case 0xCD: return try bigEndian(bytes, UInt16.self)
    case 0xCE: return try bigEndian(bytes, UInt32.self)
    case 0xCF: return try bigEndian(bytes, UInt64.self)
    case 0xD0: return UInt64(bitPattern: Int64(Int8(truncatingIfNeeded: try bigEndian(bytes, UInt8.self))))
    case 0xD1: return UInt64(bitPattern: Int64(Int16(truncatingIfNeeded: try bigEndian(bytes, UInt16.self))))
    case 0xD2: return UInt64(bitPattern: Int64(Int32(truncatingIfNeeded: try bigEndian(bytes, UInt32.self))))
    case 0xD3: return try bigEndian(bytes, UInt64.self)
    default:
      offset -= 1
      throw error(.unexpectedKind)
    }
  }

  /// Reads `count` integers and appends their lower 32 bits.
  ///
  /// Three quarters of an engine's messages are token ids of two, three or five bytes in no predictable order, so the usual
  /// widths are read without a branch.
  mutating func readTokens(_ bytes: RawSpan, _ count: Int, into tokens: inout [UInt32]) throws(MessagePackError) {
    let start = tokens.count
    tokens.append(contentsOf: repeatElement(0, count: count))
    var places = tokens.mutableSpan
    var offset = offset
    for place in start..<(start + count) {
      if end - offset > MemoryLayout<UInt64>.size {
        let first = byte(bytes, offset)
        let width = first &- 0xCC
        if first < 0x80 || width < 3 {
          let next = unsafe bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: offset + 1, as: UInt64.self).bigEndian
          let isSmall = first < 0x80
          let size = isSmall ? 0 : 1 &<< Int(width)
          let value = next &>> UInt64(64 &- 8 &* size)
          places[place] = isSmall ? UInt32(first) : UInt32(truncatingIfNeeded: value)
          offset += 1 &+ size
          continue
        }
      }
      self.offset = offset
      places[place] = UInt32(truncatingIfNeeded: try readInteger(bytes))
      offset = self.offset
    }
    self.offset = offset
  }

  /// Reads an integer or a float.
  mutating func readNumber(_ bytes: RawSpan) throws(MessagePackError) -> Double {
    guard offset < end else { throw error(.cut) }
    switch byte(bytes, offset) {
    case 0xCA:
      offset += 1
      return Double(Float(bitPattern: UInt32(truncatingIfNeeded: try bigEndian(bytes, UInt32.self))))
    case 0xCB:
      offset += 1
      return Double(bitPattern: try bigEndian(bytes, UInt64.self))
    default:
      return Double(Int64(bitPattern: try readInteger(bytes)))
    }
  }

  /// Reads a string and returns the range of its bytes.
  mutating func readString(_ bytes: RawSpan) throws(MessagePackError) -> Range<Int> {
    guard offset < end else { throw error(.cut) }
    let first = byte(bytes, offset)
    switch first {
    case 0xA0...0xBF:
      offset += 1
      return try take(Int(first & 0x1F))
    case 0xD9: return try takeCounted(bytes, UInt8.self)
    case 0xDA: return try takeCounted(bytes, UInt16.self)
    case 0xDB: return try takeCounted(bytes, UInt32.self)
    default: throw error(.unexpectedKind)
    }
  }

  /// Reads a binary value and returns the range of its bytes.
  mutating func readBinary(_ bytes: RawSpan) throws(MessagePackError) -> Range<Int> {
    guard offset < end else { throw error(.cut) }
    switch byte(bytes, offset) {
    case 0xC4: return try takeCounted(bytes, UInt8.self)
    case 0xC5: return try takeCounted(bytes, UInt16.self)
    case 0xC6: return try takeCounted(bytes, UInt32.self)
    default: throw error(.unexpectedKind)
    }
  }

  /// Reads the number of elements of an array, which follow. It is at most the number of bytes that are left.
  mutating func readArrayHeader(_ bytes: RawSpan) throws(MessagePackError) -> Int {
    try readHeader(bytes, short: 0x90, long: 0xDC, bytesEach: 1)
  }

  /// Reads the number of pairs of a map, which follow.
  mutating func readMapHeader(_ bytes: RawSpan) throws(MessagePackError) -> Int {
    try readHeader(bytes, short: 0x80, long: 0xDE, bytesEach: 2)
  }

  /// Skips one value with all values in it.
  mutating func skip(_ bytes: RawSpan) throws(MessagePackError) {
    // Values that are still to be skipped at each level; no recursion, for the bytes may nest as they like.
    var left = InlineArray<32, Int>(repeating: 0)
    var depth = 0
    left[0] = 1
    while depth >= 0 {
      if left[depth] == 0 {
        depth -= 1
        continue
      }
      left[depth] -= 1
      let inner = try skipHead(bytes)
      guard inner > 0 else { continue }
      depth += 1
      guard depth < Self.maximumDepth else { throw error(.tooDeep) }
      left[depth] = inner
    }
  }

  /// Skips a value without elements, or the header of an array or a map; returns the number of values in it.
  private mutating func skipHead(_ bytes: RawSpan) throws(MessagePackError) -> Int {
    switch kind(bytes) {
    case nil: throw error(.cut)
    case .array: return try readArrayHeader(bytes)
    case .map: return 2 * (try readMapHeader(bytes))
    case .string: _ = try readString(bytes)
    case .binary: _ = try readBinary(bytes)
    case .integer: _ = try readInteger(bytes)
    case .float: _ = try readNumber(bytes)
    case .null, .boolean: offset += 1
    case .other: try skipExtension(bytes)
    }
    return 0
  }

  private mutating func skipExtension(_ bytes: RawSpan) throws(MessagePackError) {
    let first = byte(bytes, offset)
    offset += 1
    switch first {
    // fixext 1, 2, 4, 8, 16: a type byte, then the data.
    case 0xD4...0xD8: _ = try take(1 + 1 << Int(first - 0xD4))
    case 0xC7: _ = try take(1 + Int(try bigEndian(bytes, UInt8.self)))
    case 0xC8: _ = try take(1 + Int(try bigEndian(bytes, UInt16.self)))
    case 0xC9: _ = try take(1 + Int(try bigEndian(bytes, UInt32.self)))
    // 0xC1 is never used.
    default: throw error(.unexpectedKind)
    }
  }

  // MARK: - Bytes

  /// The byte at `offset`. Unchecked: the caller has compared `offset` with `end`.
  @inline(__always)
  private func byte(_ bytes: RawSpan, _ offset: Int) -> UInt8 {
    unsafe bytes.unsafeLoad(fromUncheckedByteOffset: offset, as: UInt8.self)
  }

  @inline(__always)
  private mutating func bigEndian<Value: FixedWidthInteger & UnsignedInteger & BitwiseCopyable>(
    _ bytes: RawSpan, _: Value.Type
  ) throws(MessagePackError) -> UInt64 {
    let size = MemoryLayout<Value>.size
    guard end - offset >= size else { throw error(.cut) }
    let value = unsafe bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: Value.self)
    offset += size
    return UInt64(Value(bigEndian: value))
  }

  private mutating func take(_ count: Int) throws(MessagePackError) -> Range<Int> {
    guard count <= end - offset else { throw error(.cut) }
    defer { offset += count }
    return offset..<(offset + count)
  }

  private mutating func takeCounted<Count: FixedWidthInteger & UnsignedInteger & BitwiseCopyable>(
    _ bytes: RawSpan, _ type: Count.Type
  ) throws(MessagePackError) -> Range<Int> {
    offset += 1
    return try take(Int(try bigEndian(bytes, type)))
  }

  private mutating func readHeader(
    _ bytes: RawSpan, short: UInt8, long: UInt8, bytesEach: Int
  ) throws(MessagePackError) -> Int {
    guard offset < end else { throw error(.cut) }
    let first = byte(bytes, offset)
    let count: Int
    if first & 0xF0 == short {
      offset += 1
      count = Int(first & 0x0F)
    } else if first == long {
      offset += 1
      count = Int(try bigEndian(bytes, UInt16.self))
    } else if first == long + 1 {
      offset += 1
      count = Int(try bigEndian(bytes, UInt32.self))
    } else {
      throw error(.unexpectedKind)
    }
    // Storage is made for what a header announces, so it must not announce more than can be there.
    guard count <= (end - offset) / bytesEach else { throw error(.cut) }
    return count
  }

  func error(_ reason: MessagePackError.Reason) -> MessagePackError { MessagePackError(reason: reason, offset: offset) }
}
