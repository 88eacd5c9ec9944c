/// Reads the fields of one protobuf message in a larger span, without copies.
struct ProtobufCursor {
  /// A field of the wire format.
  struct Field {
    /// The field number.
    var number: Int
    /// The value of a varint field; 0 for other fields.
    var integer: UInt64
    /// The range of a length-delimited value in the span; empty for other fields.
    var bytes: Range<Int>
  }

  private var position: Int
  private let end: Int
  /// Whether malformed bytes were found; no field follows then.
  private(set) var isMalformed = false

  init(_ range: Range<Int>) {
    position = range.lowerBound
    end = range.upperBound
  }

  /// Returns the next field; nil at the end, and at malformed bytes.
  mutating func next(in span: Span<UInt8>) -> Field? {
    guard position < end, !isMalformed, let tag = varint(in: span) else { return nil }
    var field = Field(number: Int(truncatingIfNeeded: tag >> 3), integer: 0, bytes: position..<position)
    switch tag & 7 {
    case 0:
      guard let value = varint(in: span) else { return nil }
      field.integer = value
    case 1: skip(8)
    case 2:
      guard let length = varint(in: span), length <= UInt64(end - position) else {
        isMalformed = true
        return nil
      }
      field.bytes = position..<position + Int(length)
      position += Int(length)
    case 5: skip(4)
    default: isMalformed = true
    }
    return isMalformed ? nil : field
  }

  private mutating func skip(_ count: Int) {
    if end - position >= count { position += count } else { isMalformed = true }
  }

  private mutating func varint(in span: Span<UInt8>) -> UInt64? {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while position < end, shift < 64 {
      let byte = span[position]
      position += 1
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return value }
      shift += 7
    }
    isMalformed = true
    return nil
  }
}
