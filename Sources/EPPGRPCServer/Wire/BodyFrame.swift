import EPPExtProc

/// A `ProcessingRequest` that carries a piece of a body: nearly all messages of a stream are one of these, so they are
/// read without protobuf-c and without touching the payload.
struct BodyFrame: Equatable {
  var direction: MessageDirection
  /// Where the payload stands in the message.
  var payload: Range<Int>
  var endOfStream: Bool
  /// The bytes of `metadata_context`; nil when there is none or it is empty.
  var metadata: [UInt8]?

  enum ScanResult: Equatable {
    case frame(BodyFrame)
    /// Another kind of message, or a body written in a way that only the full decoder understands.
    case other
    case malformed
  }

  /// Metadata of a body message is a few hundred bytes; more than this is left to the full decoder's limit.
  static let maximumMetadataBytes = 65_536

  /// Tags (field number << 3 | wire type) of ProcessingRequest that are read here; all are one byte.
  private enum Tag {
    static let requestBody: UInt8 = 4 << 3 | 2
    static let responseBody: UInt8 = 5 << 3 | 2
    static let metadataContext: UInt8 = 8 << 3 | 2
    static let observabilityMode: UInt8 = 10 << 3
  }

  static func scan(_ message: borrowing SliceList) -> ScanResult {
    var cursor = SliceCursor(message)
    var frame: BodyFrame?
    var metadata: [UInt8]?
    while let tag = cursor.readByte() {
      switch tag {
      case Tag.requestBody, Tag.responseBody:
        // A second member of the oneof has to be merged with the first: rare enough for the full decoder.
        guard frame == nil else { return .other }
        guard let length = cursor.readLength(), let body = body(&cursor, length) else { return .malformed }
        guard body.isPlain else { return .other }
        frame = BodyFrame(
          direction: tag == Tag.requestBody ? .request : .response, payload: body.payload,
          endOfStream: body.endOfStream)
      case Tag.metadataContext:
        guard let length = cursor.readLength() else { return .malformed }
        guard metadata == nil, length <= maximumMetadataBytes else { return .other }
        guard let bytes = cursor.readBytes(length) else { return .malformed }
        if !bytes.isEmpty { metadata = bytes }
      case Tag.observabilityMode:
        guard cursor.readVarint() != nil else { return .malformed }
      default:
        return .other
      }
    }
    guard var frame else { return .other }
    frame.metadata = metadata
    return .frame(frame)
  }

  private struct Body {
    var payload: Range<Int>
    var endOfStream = false
    var isPlain = true
  }

  /// The fields of HttpBody: body = 1, end_of_stream = 2.
  private static func body(_ cursor: inout SliceCursor, _ length: Int) -> Body? {
    let end = cursor.position + length
    var body = Body(payload: cursor.position..<cursor.position)
    while cursor.position < end {
      switch cursor.readByte() {
      case 1 << 3 | 2:
        guard let count = cursor.readLength(), cursor.position + count <= end else { return nil }
        body.payload = cursor.position..<(cursor.position + count)
        guard cursor.skip(count) else { return nil }
      case 2 << 3:
        guard let value = cursor.readVarint() else { return nil }
        body.endOfStream = value != 0
      default:
        body.isPlain = false
        return body
      }
    }
    return cursor.position == end ? body : nil
  }
}

extension SliceCursor {
  /// A length prefix that fits into what is left.
  mutating func readLength() -> Int? {
    guard let value = readVarint(maximumBytes: 5), value <= UInt64(remaining) else { return nil }
    return Int(value)
  }

  /// Skips the value of a field; false for the group types, which proto3 does not have.
  mutating func skipField(_ wireType: UInt64) -> Bool {
    switch wireType {
    case 0: return readVarint() != nil
    case 1: return skip(8)
    case 2:
      guard let length = readLength() else { return false }
      return skip(length)
    case 5: return skip(4)
    default: return false
    }
  }
}
