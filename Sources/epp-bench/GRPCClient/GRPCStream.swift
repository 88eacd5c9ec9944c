import NIOCore

/// One call on a `GRPCConnection`, with its unsent frames and its partly received message. Use it on the connection's event
/// loop only.
final class GRPCStream {
  /// The end of a call.
  enum End: Hashable {
    /// Trailers with a `grpc-status`; 2 (UNKNOWN) when they have none.
    case status(Int)
    /// RST_STREAM with an HTTP/2 error code.
    case reset(UInt32)
    /// The connection ended before the call.
    case connectionLost
  }

  /// The HTTP/2 stream id.
  let id: Int32
  /// The owner's number of the call.
  let slot: Int
  /// gRPC frames that wait for flow control.
  var outbound = ByteBuffer()
  /// Bytes that the server allows this stream to send; negative after the server has reduced its window.
  var sendWindow: Int
  /// Whether the stream is half-closed after its queued frames.
  var closesWhenSent = false
  /// Whether END_STREAM was sent.
  var isHalfClosed = false
  /// Whether the stream waits for the connection's send window.
  var isWaitingForConnectionWindow = false
  /// The received beginning of an incomplete message.
  var partialMessage = ByteBuffer()

  init(id: Int32, slot: Int, sendWindow: Int) {
    self.id = id
    self.slot = slot
    self.sendWindow = sendWindow
  }
}

/// The owner of the calls of a `GRPCConnection`. All functions are called on the connection's event loop.
protocol GRPCStreamOwner: AnyObject {
  /// Handles a complete message, without its gRPC prefix.
  func received(_ message: ByteBuffer, on stream: GRPCStream, of connection: GRPCConnection)
  /// Called when all frames that were passed to `send` have been written as DATA frames.
  func sentAll(on stream: GRPCStream, of connection: GRPCConnection)
  /// Handles the end of a stream, its last event.
  func ended(_ stream: GRPCStream, with end: GRPCStream.End, on connection: GRPCConnection)
  /// Handles the end of the connection, after the ends of its streams.
  func closed(_ connection: GRPCConnection)
}
