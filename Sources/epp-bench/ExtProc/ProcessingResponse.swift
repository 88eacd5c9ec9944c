import EPPCore
import NIOCore

/// The properties of a `ProcessingResponse` that the load tool needs. Ranges are offsets in the message.
struct ProcessingResponse {
  /// The kind of a response, by its field number.
  enum Kind: UInt8 {
    case requestHeaders = 1
    case responseHeaders
    case requestBody
    case responseBody
    case requestTrailers
    case responseTrailers
    case immediateResponse
  }

  /// The kind of the response.
  var kind: Kind
  /// Range of the value of the destination header that the response sets; nil when it sets none.
  var destination: Range<Int>?
  /// Range of the body bytes of a `streamed_response`; nil when the message has none.
  var streamedBody: Range<Int>?
  /// Whether the streamed body ends with the response.
  var endOfStream = false
  /// HTTP status of an immediate response.
  var immediateStatus = 0

  /// Reads a message; nil when it is not a `ProcessingResponse`.
  init?(_ message: ByteBuffer) {
    let span = message.readableBytesUInt8Span
    var fields = ProtobufCursor(0..<span.count)
    var found: (kind: Kind, bytes: Range<Int>)?
    while let field = fields.next(in: span) {
      if let kind = UInt8(exactly: field.number).flatMap(Kind.init(rawValue:)) { found = (kind, field.bytes) }
    }
    guard let found, !fields.isMalformed else { return nil }
    kind = found.kind
    switch kind {
    case .requestHeaders, .responseHeaders, .requestBody, .responseBody:
      guard readCommonResponse(in: found.bytes, of: span) else { return nil }
    case .immediateResponse: readImmediateResponse(in: found.bytes, of: span)
    case .requestTrailers, .responseTrailers: break
    }
  }

  /// Reads `HeadersResponse` or `BodyResponse`, which have the same shape.
  private mutating func readCommonResponse(in range: Range<Int>, of span: Span<UInt8>) -> Bool {
    var outer = ProtobufCursor(range)
    while let response = outer.next(in: span) {
      guard response.number == 1 else { continue }
      var common = ProtobufCursor(response.bytes)
      while let field = common.next(in: span) {
        switch field.number {
        case 2: readHeaderMutation(in: field.bytes, of: span)
        case 3: readBodyMutation(in: field.bytes, of: span)
        default: break
        }
      }
      if common.isMalformed { return false }
    }
    return !outer.isMalformed
  }

  private mutating func readBodyMutation(in range: Range<Int>, of span: Span<UInt8>) {
    var mutation = ProtobufCursor(range)
    while let field = mutation.next(in: span) {
      guard field.number == 3 else { continue }
      streamedBody = field.bytes.upperBound..<field.bytes.upperBound
      var streamed = ProtobufCursor(field.bytes)
      while let part = streamed.next(in: span) {
        switch part.number {
        case 1: streamedBody = part.bytes
        case 2: endOfStream = part.integer != 0
        default: break
        }
      }
    }
  }

  private mutating func readHeaderMutation(in range: Range<Int>, of span: Span<UInt8>) {
    var mutation = ProtobufCursor(range)
    while let option = mutation.next(in: span) {
      guard option.number == 1 else { continue }
      var optionFields = ProtobufCursor(option.bytes)
      while let header = optionFields.next(in: span) {
        guard header.number == 1 else { continue }
        readHeader(in: header.bytes, of: span)
      }
    }
  }

  private mutating func readHeader(in range: Range<Int>, of span: Span<UInt8>) {
    var fields = ProtobufCursor(range)
    var isDestination = false
    while let field = fields.next(in: span) {
      switch field.number {
      case 1: isDestination = span.matches(HeaderName.destinationEndpoint, in: field.bytes)
      case 2, 3: if isDestination, !field.bytes.isEmpty { destination = field.bytes }
      default: break
      }
    }
  }

  private mutating func readImmediateResponse(in range: Range<Int>, of span: Span<UInt8>) {
    var fields = ProtobufCursor(range)
    while let field = fields.next(in: span) {
      guard field.number == 1 else { continue }
      var status = ProtobufCursor(field.bytes)
      while let code = status.next(in: span) {
        if code.number == 1 { immediateStatus = Int(truncatingIfNeeded: code.integer) }
      }
    }
  }
}

extension Span<UInt8> {
  /// Whether the bytes of a range equal a text.
  fileprivate func matches(_ text: String, in range: Range<Int>) -> Bool {
    let characters = text.utf8
    guard characters.count == range.count else { return false }
    var index = range.lowerBound
    for character in characters {
      guard self[index] == character else { return false }
      index += 1
    }
    return true
  }
}
