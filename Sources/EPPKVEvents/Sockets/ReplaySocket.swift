import EPPCore
import ZeroMQ

/// The socket of a replay that has been asked for. Belongs to the event thread; `close` has to be called before it goes.
final class ReplaySocket {
  private let socket: Socket
  private let context: EventThreadContext

  /// Asks for all messages from a number on.
  ///
  /// - Parameters:
  ///   - address: of the engine's replay socket.
  ///   - stream: by whose id the socket is reported.
  ///   - allowsIPv6: whether a name is looked up for an address of IPv6.
  /// - Throws: when there is no socket left, or the address is none.
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

  /// Ends the replay: what still comes is not read.
  func close() { context.poller.remove(socket) }

  /// Takes the next answer into `EventThreadContext.message`.
  ///
  /// - Returns: false when there is none.
  func receive() -> Bool { socket.receive(into: &context.message) }
}
