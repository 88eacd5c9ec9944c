import NIOCore
import Synchronization

/// How often an engine was asked, shared between its connections and whoever reports.
final class ScrapeCount: Sendable {
  private let count = Atomic<UInt64>(0)

  var value: UInt64 { count.load(ordering: .relaxed) }

  func add() { count.add(1, ordering: .relaxed) }
}

/// The HTTP/1.1 side of an engine stand-in: every GET is answered with the next of a few prepared pages. Cheap, so that
/// a hundred engines leave the machine to the one that scrapes them.
final class MetricsHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  /// More than any request head that is sent here.
  private static let headLimit = 16_384

  private let responses: [ByteBuffer]
  private let scrapes: ScrapeCount
  private var next = 0
  private var head = ByteBuffer()

  /// - Parameter responses: Whole HTTP responses, at least one.
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

  /// Bytes up to and with the empty line behind a request head; GET has no body.
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
