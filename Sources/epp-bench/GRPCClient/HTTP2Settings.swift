import NIOCore

/// The server's SETTINGS that a client of requests has to obey (RFC 9113 section 6.5.2).
struct HTTP2Settings {
  /// Bytes that a new stream may send before the first WINDOW_UPDATE.
  var initialWindowSize = 65_535
  /// Bytes of the payload of a frame at most.
  var maximumFrameSize = 16_384
  /// Open streams at most.
  var maximumConcurrentStreams = Int.max

  /// Bytes of the client's receive windows, so large that they do not limit the server, like Envoy's in practice.
  static let receiveWindow = 1 << 30

  /// Applies the entries of a SETTINGS payload. Unknown entries are ignored, as section 6.5.2 demands.
  mutating func apply(_ payload: ByteBuffer) {
    var payload = payload
    while let (identifier, value) = payload.readMultipleIntegers(as: (UInt16, UInt32).self) {
      switch identifier {
      case 3: maximumConcurrentStreams = Int(value)
      case 4: initialWindowSize = Int(value)
      case 5: maximumFrameSize = Int(value)
      default: break
      }
    }
  }

  /// Appends the connection preface, the client's SETTINGS without push, and a WINDOW_UPDATE of the connection.
  static func writePreface(to buffer: inout ByteBuffer) {
    buffer.writeString("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    buffer.writeFrameHeader(.settings, length: 12)
    buffer.writeMultipleIntegers(UInt16(2), UInt32(0))
    buffer.writeMultipleIntegers(UInt16(4), UInt32(receiveWindow))
    buffer.writeWindowUpdate(streamID: 0, increment: receiveWindow - 65_535)
  }
}
