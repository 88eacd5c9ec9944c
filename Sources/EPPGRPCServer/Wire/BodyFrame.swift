import EPPExtProc

/// A `ProcessingRequest` that carries a body chunk. Nearly all messages of a stream are of this kind, so they are decoded
/// without protobuf-c and without reading the payload.
struct BodyFrame: Equatable {
  /// Whether the chunk belongs to the request or to the response.
  var direction: MessageDirection
  /// Range of the payload in the message.
  var payload: Range<Int>
  /// Whether the chunk is the last one.
  var endOfStream: Bool
  /// The bytes of `metadata_context`; nil when there is none or it is empty.
  var metadata: [UInt8]?

  /// The result of `scan`.
  enum ScanResult: Equatable {
    case frame(BodyFrame)
    /// Another kind of message, or a body with fields that only `MessageDecoder` reads.
    case other
    /// No protobuf message.
    case malformed
  }

  /// Bytes of the largest `metadata_context` that is read here; it usually has a few hundred. `MessageDecoder` reads larger
  /// ones.
  static let maximumMetadataBytes = 65_536

  /// Tags (field number << 3 | wire type) of ProcessingRequest that are read here; all are one byte.
  private enum Tag {
    static let requestBody: UInt8 = 4 << 3 | 2
    static let responseBody: UInt8 = 5 << 3 | 2
    static let metadataContext: UInt8 = 8 << 3 | 2
    static let observabilityMode: UInt8 = 10 << 3
  }

  /// Reads a message that may be a body frame.
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

  /// Reads HttpBody: body = 1, end_of_stream = 2. Nil when it is malformed.
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
  /// Reads a length prefix; nil when it is malformed, or exceeds the remaining bytes.
  mutating func readLength() -> Int? {
    guard let value = readVarint(maximumBytes: 5), value <= UInt64(remaining) else { return nil }
    return Int(value)
  }

  /// Skips the value of a field. False when it is truncated, and for the group types, which proto3 does not have.
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
