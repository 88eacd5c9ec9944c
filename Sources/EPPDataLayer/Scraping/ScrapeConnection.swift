import NIOCore

/// The last handler of a connection's pipeline: passes received bytes and the end of the connection to its scraper, until
/// `close` is called. Use it on its event loop only.
final class ScrapeConnection: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private let channel: any Channel
  private var scraper: EndpointScraper?

  init(channel: any Channel, scraper: EndpointScraper) {
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
    context.close(promise: nil)
  }
}
