import EPPCore
import ZeroMQ

/// The socket of one requested replay. Belongs to the event thread; `close` has to be called before it is released.
final class ReplaySocket {
  private let socket: Socket
  private let context: EventThreadContext

  /// Requests all messages from a number on.
  ///
  /// - Parameters:
  ///   - address: the engine's replay socket.
  ///   - number: the first message that is requested.
  ///   - stream: the stream's id, by which the socket is reported.
  ///   - allowsIPv6: whether a host name may resolve to an IPv6 address.
  /// - Throws: when there is no socket left, or the address is invalid.
  init(
    _ address: String, from number: UInt64, stream: UInt64, allowsIPv6: Bool, _ context: EventThreadContext
  ) throws(ZeroMQError) {
    let configuration = context.configuration
    let socket = try Socket(.dealer, context.library)
    socket.maximumFrameBytes = configuration.maximumFrameBytes
    // What the publisher's socket has no room for it drops: that is asked for again.
    socket.receiveHighWaterMark = configuration.maximumReplayReadAhead
    socket.setReconnectInterval(.milliseconds(100), atMost: .seconds(1))
    socket.allowsIPv6 = allowsIPv6
    try socket.connect(address)
    let tag = SocketTag(stream, .replay).number
    try context.poller.add(socket, tag: tag)
    (self.socket, self.context) = (socket, context)
    _ = socket.send([[], KVFrames.bytes(of: number)])
    context.ready.insert(tag)
  }

  /// Ends the replay; further answers are not read.
  func close() { context.poller.remove(socket) }

  /// Moves the next answer to `EventThreadContext.message`.
  ///
  /// - Returns: false when there is none.
  func receive() -> Bool { socket.receive(into: &context.message) }
}
