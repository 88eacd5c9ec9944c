import EPPCore
import EPPMetrics
import EPPPrefixCache
import Logging
import ZeroMQ

/// The socket for engines that connect to this process. Only the topic identifies the sender of a message:
/// `kv@<address>@<model>`. Belongs to the event thread.
final class CentralPublisherSocket {
  /// The id of this socket among those of the streams, which count from 1.
  static let streamID: UInt64 = 0
  /// The largest number of ranks per endpoint that is accepted when `dataParallelSize` is not set.
  private static let maximumRanks = 64
  /// The largest number of warnings: a publisher may send another topic with every message.
  private static let maximumWarnings = 16

  /// The socket that engines connect to.
  let socket: Socket
  /// The address with the actual port.
  let address: String
  private let context: EventThreadContext
  private var warned: Set<Warning> = []

  /// Warnings that are logged only once each.
  private enum Warning: Hashable {
    case unreadable
    case rank(Int)
    case topic([UInt8])
  }

  /// Listens at an address.
  ///
  /// - Throws: `ZeroMQError` when the address is invalid or in use.
  init(_ address: String, _ context: EventThreadContext) throws(ZeroMQError) {
    self.context = context
    socket = try Socket(.sub, context.library)
    socket.maximumFrameBytes = context.configuration.maximumFrameBytes
    socket.receiveHighWaterMark = context.configuration.maximumReadAhead
    socket.setHeartbeat(every: .seconds(5), timeout: .seconds(10))
    socket.setHandshakeTimeout(.seconds(10))
    socket.allowsIPv6 = address.contains("[")
    socket.subscribe("")
    self.address = try socket.bind(address)
    let tag = SocketTag(Self.streamID, .events).number
    try context.poller.add(socket, tag: tag)
    context.ready.insert(tag)
    context.logger.info("listening for engines' KV events", metadata: ["address": .string(self.address)])
  }

  /// The endpoint and the rank of the current message; nil when no endpoint of the pool has sent it, or it is not valid. If not
  /// nil, `EventThreadContext.batch` holds the decoded message.
  func sender() -> (slot: EndpointSlot, rank: Int)? {
    guard context.message.frameCount == 3 else {
      note(
        context.series.unreadable, .unreadable,
        "a message has \(context.message.frameCount) frames: it is none of KV events")
      return nil
    }
    let topic = context.message.withFrame(0, KVFrames.topic)
    var text: String { String(decoding: topic, as: UTF8.self) }
    switch context.topics.sender(topic) {
    case .endpoint(let slot): return rank().map { (slot, $0) }
    case .nobody:
      note(
        context.series.misdirected, .topic(topic),
        "the topic '\(text)' names no endpoint of the pool: its KV events are dropped")
    case .several(let count):
      note(
        context.series.misdirected, .topic(topic),
        "the topic '\(text)' names \(count) endpoints: start the engines with the topic kv@<ip:port>@<model>")
    case .unnamed:
      note(
        context.series.misdirected, .topic(topic),
        "the topic '\(text)' does not say whose KV events they are: start the engine with the topic "
          + "kv@<ip:port>@<model>")
    }
    return nil
  }

  /// Warns that the current message came from an engine whose publisher is followed at an address of its own.
  func noteFollowed(at events: String) {
    let topic = context.message.withFrame(0, KVFrames.topic)
    note(
      context.series.misdirected, .topic(topic),
      "the topic '\(String(decoding: topic, as: UTF8.self))' names an endpoint whose KV events are followed at "
        + "\(events): what comes here is dropped; take kvEvents out of the endpoints file if the engine connects")
  }

  private func rank() -> Int? {
    let rank = context.message.withFrame(2) { payload in
      do throws(MessagePackError) {
        try context.decoder.decode(payload, into: &context.batch)
        return context.batch.dataParallelRank ?? 0
      } catch {
        return -1
      }
    }
    guard rank >= 0 else {
      note(context.series.unreadable, .unreadable, "a message is none of vLLM's or SGLang's KV events")
      return nil
    }
    guard rank < context.configuration.dataParallelSize ?? Self.maximumRanks else {
      note(
        context.series.misdirected, .rank(rank),
        "a message is of data-parallel rank \(rank), which --kv-data-parallel-size leaves out: it is dropped")
      return nil
    }
    return rank
  }

  private func note(_ counter: Counter, _ warning: Warning, _ text: @autoclosure () -> String) {
    counter.increment()
    guard warned.count < Self.maximumWarnings, warned.insert(warning).inserted else { return }
    context.logger.warning("\(text())", metadata: ["address": .string(address)])
  }
}
