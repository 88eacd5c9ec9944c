import NIOCore

/// A client and an engine that have left HTTP, such as for WebSocket: bytes pass both ways as they come, neither side is read faster
/// than the other one takes it, and the end of one side is the end of the other. Belongs to one event loop.
final class Tunnel {
  private let engine: EngineConnection

  init(_ engine: EngineConnection) { self.engine = engine }

  /// The client's end, which has to be added to its pipeline before the tunnel is opened.
  let clientEnd = TunnelEnd()

  /// Opens the engine's end; what the engine has sent already goes to the client.
  func open() {
    let far = TunnelEnd()
    clientEnd.peer = far
    far.peer = clientEnd
    engine.leaveHTTP(for: far)
  }

  /// Closes the engine's connection, when the client cannot be given an end.
  func abandon() { engine.close() }
}

/// One end of a tunnel, in the pipeline of its channel.
final class TunnelEnd: ChannelDuplexHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  fileprivate var peer: TunnelEnd?
  private var context: ChannelHandlerContext?
  private var isReadPending = false

  private var isWritable: Bool { context?.channel.isWritable ?? false }

  func close() {
    context?.close(promise: nil)
    peer?.context?.close(promise: nil)
  }

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    peer?.readOn()
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
    peer = nil
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard let peer, let other = peer.context else { return }
    // What the codec had left over arrives without an end of reading.
    other.writeAndFlush(peer.wrapOutboundOut(unwrapInboundIn(data)), promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) { peer?.context?.close(mode: .all, promise: nil) }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

  func channelWritabilityChanged(context: ChannelHandlerContext) { peer?.readOn() }

  func read(context: ChannelHandlerContext) {
    if let peer, peer.isWritable { context.read() } else { isReadPending = true }
  }

  private func readOn() {
    guard isReadPending, let peer, peer.isWritable else { return }
    isReadPending = false
    context?.read()
  }
}
