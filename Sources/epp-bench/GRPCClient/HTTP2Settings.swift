import NIOCore

/// What the server announced in its SETTINGS, as far as a client that only sends requests has to obey it.
struct HTTP2Settings {
  /// Bytes that a new stream may send before the first WINDOW_UPDATE (RFC 9113 section 6.5.2).
  var initialWindowSize = 65_535
  var maximumFrameSize = 16_384
  var maximumConcurrentStreams = Int.max

  /// What this client announces: windows so large that the server is never held back by them, as Envoy's are in
  /// practice, and no push.
  static let receiveWindow = 1 << 30

  /// Takes over the entries of a SETTINGS payload; unknown ones are skipped as section 6.5.2 demands.
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

  /// Appends the connection preface, our SETTINGS and the widening of the connection's receive window.
  static func writePreface(to buffer: inout ByteBuffer) {
    buffer.writeString("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    buffer.writeFrameHeader(.settings, length: 12)
    buffer.writeMultipleIntegers(UInt16(2), UInt32(0))
    buffer.writeMultipleIntegers(UInt16(4), UInt32(receiveWindow))
    buffer.writeWindowUpdate(streamID: 0, increment: receiveWindow - 65_535)
  }
}
