import NIOCore

/// A request of one prefix group, encoded once: everything but two sixteen-digit places is the same in each.
struct RequestTemplate: Sendable {
  /// Digits of the request's number in hexadecimal.
  private static let markerLength = 16

  /// The gRPC frames of the request phase: headers, body chunks, the empty chunk that ends the body.
  private let frames: ByteBuffer
  /// Where the number stands in `x-request-id`.
  private let identifierOffset: Int
  /// Where the number stands in the prompt, behind the shared prefix; nil when all of the prompt is shared.
  private let markerOffset: Int?
  private let body: ByteBuffer
  private let bodyMarkerOffset: Int?

  /// - Parameters:
  ///   - shared: The text that all requests of the group begin with.
  ///   - own: The text behind it; begins with the number when it is long enough to hold one.
  ///   - chunkBytes: Body bytes in a message.
  ///   - showsAnswers: What the gateway says of the bodies of answers.
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

  /// Length of the HTTP body.
  var bodyBytes: Int { body.readableBytes }

  /// The frames of request `number`.
  func frames(number: UInt64) -> ByteBuffer {
    var copy = frames
    copy.setHexadecimal(number, at: identifierOffset)
    if let markerOffset { copy.setHexadecimal(number, at: markerOffset) }
    return copy
  }

  /// The body of request `number`, to compare with what comes back.
  func body(number: UInt64) -> ByteBuffer {
    guard let bodyMarkerOffset else { return body }
    var copy = body
    copy.setHexadecimal(number, at: bodyMarkerOffset)
    return copy
  }
}

extension ByteBuffer {
  /// Overwrites sixteen bytes with the digits of a number.
  fileprivate mutating func setHexadecimal(_ number: UInt64, at index: Int) {
    setInteger(Self.digits(UInt32(truncatingIfNeeded: number >> 32)), at: index)
    setInteger(Self.digits(UInt32(truncatingIfNeeded: number)), at: index + 8)
  }

  /// Eight hexadecimal digits as the bytes of one integer.
  private static func digits(_ number: UInt32) -> UInt64 {
    var digits: UInt64 = 0
    for shift in stride(from: 28, through: 0, by: -4) {
      let value = UInt64(number >> UInt32(shift)) & 0xF
      digits = digits << 8 | (value < 10 ? 0x30 + value : 0x57 + value)
    }
    return digits
  }
}
