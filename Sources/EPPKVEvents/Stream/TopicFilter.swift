import EPPCore
import ZeroMQ

/// Tells whether a message is one of the endpoint that a stream follows. The connection says whose it is, and a proxy between may
/// mix up what several engines send. A topic that names nobody (an address behind a translation) is taken.
struct TopicFilter {
  private let slot: EndpointSlot
  /// The topic of the last message that was taken, by the directory's version.
  private var accepted: (bytes: [UInt8], version: Int) = ([], -1)

  init(_ slot: EndpointSlot) { self.slot = slot }

  /// Whether the message at hand is taken.
  ///
  /// - Returns: nil when it is; the topic when it names another endpoint.
  mutating func foreignTopic(_ context: EventThreadContext) -> [UInt8]? {
    let isKnown = context.message.withFrame(0) { KVFrames.isTopic(accepted.bytes, $0) }
    if isKnown, accepted.version == context.topics.version { return nil }
    let topic = context.message.withFrame(0, KVFrames.topic)
    if case .endpoint(let other) = context.topics.sender(topic), other != slot { return topic }
    accepted = (topic, context.topics.version)
    return nil
  }
}
