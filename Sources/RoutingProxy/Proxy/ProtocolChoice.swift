import NIOCore
import NIOHTTP1
import NIOHTTP2

/// The first handler of a client's connection: by its first bytes, the client speaks HTTP/2 or HTTP/1.1 (RFC 9113 section 3.4). That holds
/// for plain text as for TLS, where the client begins in the same way.
final class ProtocolChoice: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer

  private static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

  private let proxy: ProxyLoop
  private let clients: ProxyClients
  private let isEncrypted: Bool
  private var received = ByteBuffer()
  private let deadline = ConnectionDeadline()

  init(_ proxy: ProxyLoop, _ clients: ProxyClients, isEncrypted: Bool) {
    self.proxy = proxy
    self.clients = clients
    self.isEncrypted = isEncrypted
  }

  func handlerAdded(context: ChannelHandlerContext) {
    let channel = context.channel
    // Neither the handshake nor the first bytes are waited for any longer.
    deadline.start(context.eventLoop) { channel.close(promise: nil) }
    deadline.set(proxy.settings.headTimeout)
    clients.add(channel)
  }

  func handlerRemoved(context: ChannelHandlerContext) { deadline.stop() }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var bytes = unwrapInboundIn(data)
    received.writeBuffer(&bytes)
    let length = min(received.readableBytes, Self.preface.count)
    let isHTTP2 = received.readableBytesView.prefix(length).elementsEqual(Self.preface.prefix(length))
    if isHTTP2, length < Self.preface.count { return }
    do {
      if isHTTP2 { try speakHTTP2(context) } else { try speakHTTP1(context) }
    } catch {
      return context.close(promise: nil)
    }
    let first = received
    received = ByteBuffer()
    context.fireChannelRead(wrapInboundOut(first))
    context.fireChannelReadComplete()
    context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

  private func speakHTTP1(_ context: ChannelHandlerContext) throws {
    let client = ClientConnection(proxy, isEncrypted: isEncrypted)
    try client.add(to: context.channel)
    clients.set(client, of: context.channel)
  }

  private func speakHTTP2(_ context: ChannelHandlerContext) throws {
    let (proxy, isEncrypted) = (proxy, isEncrypted)
    let bound = NIOLoopBound(proxy, eventLoop: context.eventLoop)
    let management = NIOHTTP2ServerConnectionManagementHandler(
      eventLoop: context.eventLoop,
      configuration: .init(
        maxIdleTime: TimeAmount(proxy.settings.clientIdleTimeout), maxAge: nil, maxGraceTime: nil, keepalive: nil))
    var connection = NIOHTTP2Handler.ConnectionConfiguration()
    connection.initialSettings = [
      HTTP2Setting(parameter: .maxConcurrentStreams, value: proxy.settings.maximumStreams),
      HTTP2Setting(parameter: .maxHeaderListSize, value: 64 << 10),
    ]
    _ = try context.pipeline.syncOperations.configureHTTP2Pipeline(
      mode: .server, connectionConfiguration: connection, streamConfiguration: .init(),
      streamDelegate: management.http2StreamDelegate
    ) { stream in
      stream.eventLoop.makeCompletedFuture {
        try stream.pipeline.syncOperations.addHandlers(
          HTTP2FramePayloadToHTTP1ServerCodec(), ClientConnection(bound.value, isEncrypted: isEncrypted))
      }
    }
    try context.pipeline.syncOperations.addHandler(management)
    clients.setHTTP2(context.channel)
  }
}
