import EPPCore
import ZeroMQ

/// Detects messages of other endpoints on a stream, which a proxy may mix up. Topics that name no endpoint (an address behind a
/// translation) are accepted, because the connection identifies the engine.
struct TopicFilter {
  private let slot: EndpointSlot
  /// The topic of the last accepted message, and the directory's version at that time.
  private var accepted: (bytes: [UInt8], version: Int) = ([], -1)

  init(_ slot: EndpointSlot) { self.slot = slot }

  /// Checks the topic of the current message.
  ///
  /// - Returns: nil when it is accepted; the topic when it names another endpoint.
  mutating func foreignTopic(_ context: EventThreadContext) -> [UInt8]? {
    let isKnown = context.message.withFrame(0) { KVFrames.isTopic(accepted.bytes, $0) }
    if isKnown, accepted.version == context.topics.version { return nil }
    let topic = context.message.withFrame(0, KVFrames.topic)
    if case .endpoint(let other) = context.topics.sender(topic), other != slot { return topic }
    accepted = (topic, context.topics.version)
    return nil
  }
}
