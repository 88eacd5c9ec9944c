import NIOCore

/// The encoded requests of one prefix group. They differ only in the request's number, 16 hexadecimal digits in the request id
/// and in the prompt.
struct RequestTemplate: Sendable {
  /// Hexadecimal digits of the request's number.
  private static let markerLength = 16

  /// The gRPC frames of the request: headers, body chunks, the empty chunk that ends the body.
  private let frames: ByteBuffer
  /// Offset in `frames` of the number in `x-request-id`.
  private let identifierOffset: Int
  /// Offset in `frames` of the number in the prompt, after the shared prefix; nil when the prompt has no room for it.
  private let markerOffset: Int?
  private let body: ByteBuffer
  /// Offset in `body` of the number in the prompt; nil when the prompt has no room for it.
  private let bodyMarkerOffset: Int?

  /// Encodes the requests of a group.
  ///
  /// - Parameters:
  ///   - shared: The text with which all prompts of the group begin.
  ///   - own: The rest of the prompt; the number replaces its beginning when it is long enough.
  ///   - chunkBytes: Body bytes of a message at most.
  ///   - showsAnswers: Whether the protocol configuration announces bodies of responses.
  init(
    shape: RequestShape, shared: Substring.UTF8View, own: Substring.UTF8View, chunkBytes: Int, showsAnswers: Bool = true
  ) {
    var body = ByteBuffer(string: shape.bodyStart)
    body.writeBytes(shared)
    var marker: Int? = own.count >= Self.markerLength ? body.readableBytes : nil
    body.writeBytes(own)
    // A number cut by a chunk border could not be written in one place: it moves behind the border.
    if let offset = marker, offset / chunkBytes != (offset + Self.markerLength - 1) / chunkBytes {
      let moved = (offset / chunkBytes + 1) * chunkBytes
      marker = moved + Self.markerLength <= body.readableBytes ? moved : nil
    }
    body.writeString(shape.bodyEnd)

    let identifier = String(repeating: "0", count: Self.markerLength)
    var frames = ByteBuffer()
    ProcessingMessages.requestHeaders(
      [
        (":method", "POST"), (":path", shape.path), (":scheme", "http"), (":authority", "inference.example"),
        ("content-type", "application/json"), ("content-length", "\(body.readableBytes)"),
        ("user-agent", "epp-bench"), ("accept", "*/*"), ("accept-encoding", "gzip, deflate"),
        ("x-forwarded-proto", "http"), ("x-forwarded-for", "127.0.0.1"), ("x-request-id", "bench-" + identifier),
      ], showsAnswers: showsAnswers, into: &frames)
    // The identifier is the last header value: it ends where the empty metadata context (two bytes) and the
    // configuration (six bytes) begin.
    identifierOffset = frames.writerIndex - 8 - Self.markerLength

    var markerInFrames: Int?
    for offset in stride(from: 0, to: body.readableBytes, by: chunkBytes) {
      let length = min(chunkBytes, body.readableBytes - offset)
      ProcessingMessages.requestBody(body.getSlice(at: offset, length: length) ?? ByteBuffer(), into: &frames)
      if let marker, (offset..<offset + length).contains(marker) {
        markerInFrames = frames.writerIndex - length + (marker - offset)
      }
    }
    ProcessingMessages.requestBody(ByteBuffer(), endOfStream: true, into: &frames)
    self.frames = frames
    self.body = body
    bodyMarkerOffset = marker
    markerOffset = markerInFrames
  }

  /// Bytes of the HTTP body.
  var bodyBytes: Int { body.readableBytes }

  /// Returns the frames of the request with a number.
  func frames(number: UInt64) -> ByteBuffer {
    var copy = frames
    copy.setHexadecimal(number, at: identifierOffset)
    if let markerOffset { copy.setHexadecimal(number, at: markerOffset) }
    return copy
  }

  /// Returns the body of the request with a number, to be compared with the body that comes back.
  func body(number: UInt64) -> ByteBuffer {
    guard let bodyMarkerOffset else { return body }
    var copy = body
    copy.setHexadecimal(number, at: bodyMarkerOffset)
    return copy
  }
}

extension ByteBuffer {
  /// Overwrites 16 bytes with the hexadecimal digits of a number.
  fileprivate mutating func setHexadecimal(_ number: UInt64, at index: Int) {
    setInteger(Self.digits(UInt32(truncatingIfNeeded: number >> 32)), at: index)
    setInteger(Self.digits(UInt32(truncatingIfNeeded: number)), at: index + 8)
  }

  /// Returns eight hexadecimal digits as the bytes of one integer.
  private static func digits(_ number: UInt32) -> UInt64 {
    var digits: UInt64 = 0
    for shift in stride(from: 28, through: 0, by: -4) {
      let value = UInt64(number >> UInt32(shift)) & 0xF
      digits = digits << 8 | (value < 10 ? 0x30 + value : 0x57 + value)
    }
    return digits
  }
}
