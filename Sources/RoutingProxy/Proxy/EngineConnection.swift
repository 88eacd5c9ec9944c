package import NIOCore
package import NIOHTTP1
import NIOSSL

/// What is told of an engine's connection while a request is on it; always on the connection's event loop.
package protocol EngineConnectionUser: AnyObject {
  /// A part of the answer has arrived.
  func engineAnswered(_ part: HTTPClientResponsePart)
  /// The parts that have arrived together are all told.
  func engineAnsweredAll()
  /// The connection takes more, or no more for now.
  func engineWritabilityChanged()
  /// The connection is closed.
  func engineClosed(_ reason: EngineClosure)
}

/// Why an engine's connection is closed.
package enum EngineClosure: Sendable {
  /// It has ended.
  case ended
  /// It has ended at the moment when a further request was written to it: the engine had closed it for its age, and has not seen the
  /// request.
  case unseen
  /// The engine has sent what is no HTTP.
  case garbage
  /// The two sides could not agree on TLS, or the engine's certificate is not trusted.
  case handshake
}

/// A connection to an engine, for one request at a time. Belongs to one event loop.
package final class EngineConnection: ChannelDuplexHandler, RemovableChannelHandler {
  package typealias InboundIn = HTTPClientResponsePart
  package typealias OutboundIn = HTTPClientRequestPart
  package typealias OutboundOut = HTTPClientRequestPart

  /// Who has the connection; nil while it is in the pool. The connection keeps its user alive: it is cleared when the request ends.
  var user: (any EngineConnectionUser)?
  /// Whether an earlier request was on the connection.
  var isReused = false
  /// Whether the answer may be read on; false while the client is slow.
  var mayRead = true {
    didSet {
      guard mayRead, isReadPending else { return }
      isReadPending = false
      context?.read()
    }
  }

  /// The longest time between a request and the end of the connection after which the engine cannot have seen the request. The end was on
  /// its way already, so it comes at once; more than a round trip is room for a busy event loop.
  private static let unseenWindow = TimeAmount.milliseconds(200)
  /// When the head of the newest request was written.
  private var asked: NIODeadline?
  private var context: ChannelHandlerContext?
  private var isReadPending = false
  private var reason = EngineClosure.ended

  package init() {}

  /// Adds HTTP and the connection to the pipeline of a channel.
  package func add(to channel: any Channel) throws {
    try channel.pipeline.syncOperations.addHTTPClientHandlers(leftOverBytesStrategy: .forwardBytes)
    try channel.pipeline.syncOperations.addHandler(self)
  }

  var isActive: Bool { context?.channel.isActive ?? false }
  var isWritable: Bool { context?.channel.isWritable ?? false }

  // MARK: - Use

  func write(_ part: HTTPClientRequestPart) {
    if case .head = part { asked = context?.eventLoop.now }
    context?.write(wrapOutboundOut(part), promise: nil)
  }

  func flush() { context?.flush() }

  func close() { context?.close(promise: nil) }

  /// Leaves HTTP: what the engine sends is given to `end` from here on.
  func leaveHTTP(for end: TunnelEnd) {
    guard let context else { return end.close() }
    do {
      let pipeline = context.pipeline.syncOperations
      try pipeline.addHandler(end)
      let codecs = [
        try pipeline.context(handlerType: ByteToMessageHandler<HTTPResponseDecoder>.self),
        try pipeline.context(handlerType: NIOHTTPRequestHeadersValidator.self),
        try pipeline.context(handlerType: HTTPRequestEncoder.self),
      ]
      pipeline.removeHandler(context: context, promise: nil)
      for codec in codecs { pipeline.removeHandler(context: codec, promise: nil) }
      if mayRead, isReadPending { context.read() }
    } catch {
      close()
    }
  }

  // MARK: - Channel

  package func handlerAdded(context: ChannelHandlerContext) { self.context = context }

  package func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

  package func channelRead(context: ChannelHandlerContext, data: NIOAny) { user?.engineAnswered(unwrapInboundIn(data)) }

  package func channelReadComplete(context: ChannelHandlerContext) { user?.engineAnsweredAll() }

  package func channelWritabilityChanged(context: ChannelHandlerContext) { user?.engineWritabilityChanged() }

  package func errorCaught(context: ChannelHandlerContext, error: any Error) {
    if error is HTTPParserError { reason = .garbage }
    if error is NIOSSLError || error is NIOSSLExtraError || error is BoringSSLError { reason = .handshake }
    context.close(promise: nil)
  }

  package func channelInactive(context: ChannelHandlerContext) {
    if reason == .ended, isReused, let asked, context.eventLoop.now - asked <= Self.unseenWindow { reason = .unseen }
    let user = user
    self.user = nil
    user?.engineClosed(reason)
  }

  package func read(context: ChannelHandlerContext) {
    if mayRead { context.read() } else { isReadPending = true }
  }
}
