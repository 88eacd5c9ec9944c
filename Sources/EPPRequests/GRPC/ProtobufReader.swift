/// Reads the fields of a protobuf message in place, as far as they are well-formed.
///
/// For the few messages of engines whose bodies pass by; the gateway's own protocol has a codec of its own. Encoding:
/// https://protobuf.dev/programming-guides/encoding/.
struct ProtobufReader {
  /// The value of a field.
  enum Value: Equatable {
    case number(UInt64)
    /// The range of a text, a message or a packed list.
    case bytes(Range<Int>)
    /// 4 or 8 bytes, which are skipped.
    case fixed
  }

  /// A field of a message.
  struct Field: Equatable {
    var number: Int
    var value: Value
  }

  private(set) var offset: Int
  private let end: Int
  /// Whether something was read that is no field.
  private(set) var isBroken = false

  /// - Parameter range: the message's bytes.
  init(_ range: Range<Int>) {
    offset = range.lowerBound
    end = range.upperBound
  }

  /// The next field; nil at the end, and after an error.
  mutating func next(_ bytes: RawSpan) -> Field? {
    guard offset < end, !isBroken, let tag = varint(bytes) else { return nil }
    let number = Int(truncatingIfNeeded: tag >> 3)
    guard number > 0, tag >> 3 <= 0x1FFF_FFFF else { return fail() }
    switch tag & 7 {
    case 0: return varint(bytes).map { Field(number: number, value: .number($0)) }
    case 1: return skip(8).map { _ in Field(number: number, value: .fixed) }
    case 2:
      guard let length = varint(bytes), let size = Int(exactly: length), let range = skip(size) else { return fail() }
      return Field(number: number, value: .bytes(range))
    case 5: return skip(4).map { _ in Field(number: number, value: .fixed) }
    // Groups, which proto3 does not have.
    default: return fail()
    }
  }

  /// The next number of a packed list; nil at the end, and after an error.
  mutating func nextPacked(_ bytes: RawSpan) -> UInt64? { offset < end && !isBroken ? varint(bytes) : nil }

  private mutating func varint(_ bytes: RawSpan) -> UInt64? {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while offset < end, shift < 64 {
      let byte = ByteWord.byte(bytes, offset)
      offset += 1
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return value }
      shift += 7
    }
    isBroken = true
    return nil
  }

  private mutating func skip(_ count: Int) -> Range<Int>? {
    guard count <= end - offset else {
      isBroken = true
      return nil
    }
    offset += count
    return offset - count..<offset
  }

  private mutating func fail() -> Field? {
    isBroken = true
    return nil
  }
}
