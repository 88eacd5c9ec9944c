import EPPCore
import EPPMetrics
import EPPPrefixCache
import Logging
import ZeroMQ

/// The socket that engines connect to which do not listen themselves. Whose message it is says its topic alone:
/// `kv@<address>@<model>`.
final class CentralPublisherSocket {
  /// Stands for this socket among the streams, which count from 1.
  static let streamID: UInt64 = 0
  /// Data-parallel ranks of one endpoint that are taken for real when it is not said how many there are.
  private static let maximumRanks = 64
  /// Topics that are warned of, so that whoever sends others with every message does not fill the log.
  private static let maximumWarnings = 16

  let socket: Socket
  /// Where it listens.
  let address: String
  private let shop: KVStreamWorkshop
  private var warned: Set<Warning> = []

  /// What is said once only.
  private enum Warning: Hashable {
    case unreadable
    case rank(Int)
    case topic([UInt8])
  }

  init(_ address: String, _ shop: KVStreamWorkshop) throws(ZeroMQError) {
    self.shop = shop
    socket = try Socket(.sub, shop.library)
    socket.maximumFrameBytes = shop.configuration.maximumFrameBytes
    socket.receiveHighWaterMark = shop.configuration.maximumReadAhead
    socket.setHeartbeat(every: .seconds(5), timeout: .seconds(10))
    socket.setHandshakeTimeout(.seconds(10))
    socket.allowsIPv6 = address.contains("[")
    socket.subscribe("")
    self.address = try socket.bind(address)
    let tag = SocketTag(Self.streamID, .events).number
    try shop.poller.add(socket, tag: tag)
    shop.ready.insert(tag)
    shop.logger.info("listening for engines' KV events", metadata: ["address": .string(self.address)])
  }

  /// Whose the message at hand is; nil when it is nobody's of the pool, or none. `shop.batch` holds what it says then.
  func sender() -> (slot: EndpointSlot, rank: Int)? {
    guard shop.message.frameCount == 3 else {
      note(
        shop.series.unreadable, .unreadable,
        "a message has \(shop.message.frameCount) frames: it is none of KV events")
      return nil
    }
    let topic = shop.message.withFrame(0, KVFrames.topic)
    var text: String { String(decoding: topic, as: UTF8.self) }
    switch shop.topics.sender(topic) {
    case .endpoint(let slot): return rank().map { (slot, $0) }
    case .nobody:
      note(
        shop.series.misdirected, .topic(topic),
        "the topic '\(text)' names no endpoint of the pool: its KV events are dropped")
    case .several(let count):
      note(
        shop.series.misdirected, .topic(topic),
        "the topic '\(text)' names \(count) endpoints: start the engines with the topic kv@<ip:port>@<model>")
    case .unnamed:
      note(
        shop.series.misdirected, .topic(topic),
        "the topic '\(text)' does not say whose KV events they are: start the engine with the topic "
          + "kv@<ip:port>@<model>")
    }
    return nil
  }

  /// The message at hand is of an engine that does not have to connect.
  func noteFollowed(at events: String) {
    let topic = shop.message.withFrame(0, KVFrames.topic)
    note(
      shop.series.misdirected, .topic(topic),
      "the topic '\(String(decoding: topic, as: UTF8.self))' names an endpoint whose KV events are followed at "
        + "\(events): what comes here is dropped; take kvEvents out of the endpoints file if the engine connects")
  }

  private func rank() -> Int? {
    let rank = shop.message.withFrame(2) { payload in
      do throws(MessagePackError) {
        try shop.decoder.decode(payload, into: &shop.batch)
        return shop.batch.dataParallelRank ?? 0
      } catch {
        return -1
      }
    }
    guard rank >= 0 else {
      note(shop.series.unreadable, .unreadable, "a message is none of vLLM's or SGLang's KV events")
      return nil
    }
    guard rank < shop.configuration.dataParallelSize ?? Self.maximumRanks else {
      note(
        shop.series.misdirected, .rank(rank),
        "a message is of data-parallel rank \(rank), which --kv-data-parallel-size leaves out: it is dropped")
      return nil
    }
    return rank
  }

  private func note(_ counter: Counter, _ warning: Warning, _ text: @autoclosure () -> String) {
    counter.increment()
    guard warned.count < Self.maximumWarnings, warned.insert(warning).inserted else { return }
    shop.logger.warning("\(text())", metadata: ["address": .string(address)])
  }
}
