import NIOCore
import Synchronization

/// Counts the scrapes of an engine on all connections. Any thread may use it.
final class ScrapeCount: Sendable {
  private let count = Atomic<UInt64>(0)

  /// Number of scrapes so far.
  var value: UInt64 { count.load(ordering: .relaxed) }

  /// Counts a scrape.
  func add() { count.add(1, ordering: .relaxed) }
}

/// An HTTP/1.1 connection of a mock engine: answers every GET with the next of a few prepared pages. It uses little CPU, so
/// that a hundred engines do not slow down the process that scrapes them.
final class MetricsHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  /// Bytes of the largest request head.
  private static let headLimit = 16_384

  private let responses: [ByteBuffer]
  private let scrapes: ScrapeCount
  private var next = 0
  private var head = ByteBuffer()

  /// Makes the handler of a connection.
  ///
  /// - Parameter responses: Complete HTTP responses, at least one.
  init(responses: [ByteBuffer], scrapes: ScrapeCount) {
    self.responses = responses
    self.scrapes = scrapes
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    head.writeImmutableBuffer(unwrapInboundIn(data))
    while let end = endOfHead() {
      head.moveReaderIndex(forwardBy: end)
      scrapes.add()
      context.write(wrapOutboundOut(responses[next]), promise: nil)
      next = (next + 1) % responses.count
    }
    if head.readableBytes == 0 {
      head.clear()
    } else if head.readableBytes > Self.headLimit {
      context.close(promise: nil)
    }
  }

  func channelReadComplete(context: ChannelHandlerContext) { context.flush() }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

  /// Returns the number of bytes of a complete request head with its empty line; nil when it is incomplete. GET has no body.
  private func endOfHead() -> Int? {
    let head = head
    let bytes = head.readableBytesUInt8Span
    var index = 3
    while index < bytes.count {
      if bytes[index] == 0x0A, bytes[index - 1] == 0x0D, bytes[index - 2] == 0x0A, bytes[index - 3] == 0x0D {
        return index + 1
      }
      index += 1
    }
    return nil
  }
}
