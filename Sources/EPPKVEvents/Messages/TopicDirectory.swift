import EPPCore

/// Which endpoint a topic names.
struct TopicDirectory {
  enum Sender: Equatable {
    case endpoint(EndpointSlot)
    /// An address that no endpoint of the pool has.
    case nobody
    /// A host on which several endpoints are.
    case several(Int)
    /// The topic says nothing: vLLM's own default.
    case unnamed
  }

  /// Changes whenever an answer may have changed.
  private(set) var version = 0
  private var endpoints: [EndpointSlot: Endpoint] = [:]
  private var known: [[UInt8]: Sender] = [:]

  mutating func insert(_ endpoint: Endpoint) {
    endpoints[endpoint.slot] = endpoint
    forgetAnswers()
  }

  mutating func remove(_ slot: EndpointSlot) {
    endpoints[slot] = nil
    forgetAnswers()
  }

  private mutating func forgetAnswers() {
    version += 1
    known.removeAll()
  }

  mutating func sender(_ topic: [UInt8]) -> Sender {
    if let sender = known[topic] { return sender }
    let sender = find(topic)
    // Whoever sends another topic with every message gets no memory for it.
    if known.count < 2 * EndpointSlot.capacity { known[topic] = sender }
    return sender
  }

  private func find(_ topic: [UInt8]) -> Sender {
    guard let topic = KVTopic(String(decoding: topic, as: UTF8.self)) else { return .unnamed }
    let named = endpoints.values.filter { topic.isExactly($0) }
    let found = named.isEmpty ? endpoints.values.filter { topic.isHost(of: $0) } : named
    guard let first = found.first else { return .nobody }
    return found.count == 1 ? .endpoint(first.slot) : .several(found.count)
  }
}
