import NIOCore
import NIOSSL

/// What a connection tells its user, on its event loop.
protocol ScrapeConnectionUser: AnyObject {
  /// Handles bytes of the answer.
  func received(_ buffer: ByteBuffer)
  /// Handles a connection that cannot be made secure.
  func broken(_ reason: String)
  /// Handles the end of the connection that the user did not close itself.
  func closedByPeer()
}

/// The last handler of a connection's pipeline: passes received bytes and the end of the connection to its scraper, until
/// `close` is called. Use it on its event loop only.
final class ScrapeConnection: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  /// Bytes of the read buffer that NIO keeps per connection; a page usually fits in one read.
  static let readBytes = 64 * 1024

  private let channel: any Channel
  private var scraper: (any ScrapeConnectionUser)?

  init(channel: any Channel, scraper: any ScrapeConnectionUser) {
    self.channel = channel
    self.scraper = scraper
  }

  func send(_ request: ByteBuffer) {
    channel.writeAndFlush(request, promise: nil)
  }

  /// Closes the connection; the scraper is not called any more.
  func close() {
    scraper = nil
    channel.close(promise: nil)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    scraper?.received(unwrapInboundIn(data))
  }

  func channelInactive(context: ChannelHandlerContext) {
    let scraper = self.scraper
    self.scraper = nil
    scraper?.closedByPeer()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    switch error {
    case NIOSSLError.uncleanShutdown: break
    case is NIOSSLError, is NIOSSLExtraError, is BoringSSLError: scraper?.broken("\(error)")
    default: break
    }
    context.close(promise: nil)
  }
}
