package import NIOCore
package import NIOHTTP1

/// What is told of an engine's connection while a request is on it; always on the connection's event loop.
package protocol EngineConnectionUser: AnyObject {
  /// A part of the answer has arrived.
  func engineAnswered(_ part: HTTPClientResponsePart)
  /// The parts that have arrived together are all told.
  func engineAnsweredAll()
  /// The connection takes more, or no more for now.
  func engineWritabilityChanged()
  /// The connection is closed.
  func engineClosed(_ error: (any Error)?)
}

/// A connection to an engine, for one request at a time. Belongs to one event loop.
package final class EngineConnection: ChannelDuplexHandler {
  package typealias InboundIn = HTTPClientResponsePart
  package typealias OutboundIn = HTTPClientRequestPart
  package typealias OutboundOut = HTTPClientRequestPart

  /// Who has the connection; nil while it is in the pool. The user has the connection too: it is cleared when the request ends.
  weak var user: (any EngineConnectionUser)?
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

  private var context: ChannelHandlerContext?
  private var isReadPending = false
  private var error: (any Error)?

  package init() {}

  /// Adds HTTP and the connection to the pipeline of a channel.
  package func add(to channel: any Channel) throws {
    try channel.pipeline.syncOperations.addHTTPClientHandlers(leftOverBytesStrategy: .dropBytes)
    try channel.pipeline.syncOperations.addHandler(self)
  }

  var isActive: Bool { context?.channel.isActive ?? false }
  var isWritable: Bool { context?.channel.isWritable ?? false }

  // MARK: - Use

  func write(_ part: HTTPClientRequestPart) { context?.write(wrapOutboundOut(part), promise: nil) }

  func flush() { context?.flush() }

  func close() { context?.close(promise: nil) }

  // MARK: - Channel

  package func handlerAdded(context: ChannelHandlerContext) { self.context = context }

  package func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

  package func channelRead(context: ChannelHandlerContext, data: NIOAny) { user?.engineAnswered(unwrapInboundIn(data)) }

  package func channelReadComplete(context: ChannelHandlerContext) { user?.engineAnsweredAll() }

  package func channelWritabilityChanged(context: ChannelHandlerContext) { user?.engineWritabilityChanged() }

  package func errorCaught(context: ChannelHandlerContext, error: any Error) {
    self.error = error
    context.close(promise: nil)
  }

  package func channelInactive(context: ChannelHandlerContext) { user?.engineClosed(error) }

  package func read(context: ChannelHandlerContext) {
    if mayRead { context.read() } else { isReadPending = true }
  }
}
