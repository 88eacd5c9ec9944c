import NIOCore

/// The end of a connection's pipeline: hands what comes to the scraper that made the connection, until the scraper
/// lets go of it.
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

  /// Closes without telling the scraper.
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
