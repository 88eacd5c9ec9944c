import NIOCore

/// One call on a `GRPCConnection`: what is still to send and the part of a message that has arrived so far.
/// Belongs to the connection's event loop.
final class GRPCStream {
  /// How a call ended, as the client saw it.
  enum End: Hashable {
    /// Trailers with this `grpc-status`; 2 (UNKNOWN) when they carry none.
    case status(Int)
    /// RST_STREAM with this HTTP/2 error code.
    case reset(UInt32)
    case connectionLost
  }

  let id: Int32
  /// The owner's number for this call.
  let slot: Int
  /// gRPC frames that flow control has not let out yet.
  var outbound = ByteBuffer()
  /// Bytes that the server allows this stream to send; negative after the server shrank its window.
  var sendWindow: Int
  var closesWhenSent = false
  var isHalfClosed = false
  var isWaitingForConnectionWindow = false
  /// The beginning of a message whose rest is still to come.
  var partialMessage = ByteBuffer()

  init(id: Int32, slot: Int, sendWindow: Int) {
    self.id = id
    self.slot = slot
    self.sendWindow = sendWindow
  }
}

/// Who makes calls on a `GRPCConnection`. All methods are called on the connection's event loop.
protocol GRPCStreamOwner: AnyObject {
  /// A whole message, without the gRPC prefix.
  func received(_ message: ByteBuffer, on stream: GRPCStream, of connection: GRPCConnection)
  /// Everything handed to `send` so far has been given to the socket.
  func sentAll(on stream: GRPCStream, of connection: GRPCConnection)
  /// The last event of a stream.
  func ended(_ stream: GRPCStream, with end: GRPCStream.End, on connection: GRPCConnection)
  /// The connection is gone; its streams have been reported before.
  func closed(_ connection: GRPCConnection)
}
