import NIOCore

extension ByteBuffer {
  /// Appends a base-128 integer.
  mutating func writeVarint(_ value: Int) {
    var rest = UInt64(max(0, value))
    while rest >= 0x80 {
      writeInteger(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    writeInteger(UInt8(truncatingIfNeeded: rest))
  }

  /// Appends an integer field.
  mutating func writeField(_ number: Int, integer: Int) {
    writeVarint(number << 3)
    writeVarint(integer)
  }

  /// Appends a length-delimited field: bytes, a string or an embedded message.
  mutating func writeField(_ number: Int, bytes: ByteBuffer) {
    writeVarint(number << 3 | 2)
    writeVarint(bytes.readableBytes)
    writeImmutableBuffer(bytes)
  }

  /// Appends an embedded message that `body` writes.
  mutating func writeField(_ number: Int, message body: (inout ByteBuffer) -> Void) {
    var message = ByteBuffer()
    body(&message)
    writeField(number, bytes: message)
  }

  /// Appends a message with its gRPC prefix: no compression, length in 32 bits.
  mutating func writeGRPCMessage(_ body: (inout ByteBuffer) -> Void) {
    var message = ByteBuffer()
    body(&message)
    writeInteger(UInt8(0))
    writeInteger(UInt32(message.readableBytes))
    writeImmutableBuffer(message)
  }
}
