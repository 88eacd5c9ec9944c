/// The frame of a message in a body of `application/grpc`: a byte that says whether it is compressed, its length in four bytes, the
/// highest first, and the message (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md).
enum GRPCMessage {
  /// Bytes before the message.
  static let prefixBytes = 5

  /// The length of a message by the bytes before it; nil where the message is compressed, so that it cannot be read.
  static func length(_ prefix: RawSpan, at offset: Int) -> (bytes: Int, isCompressed: Bool) {
    var length = 0
    for index in offset + 1..<offset + prefixBytes { length = length << 8 | Int(ByteWord.byte(prefix, index)) }
    return (length, ByteWord.byte(prefix, offset) != 0)
  }

  /// The range of the first message of a body; nil when it is compressed or not whole.
  static func first(_ body: RawSpan) -> Range<Int>? {
    guard body.byteCount >= prefixBytes else { return nil }
    let (length, isCompressed) = length(body, at: 0)
    guard !isCompressed, length <= body.byteCount - prefixBytes else { return nil }
    return prefixBytes..<prefixBytes + length
  }
}
