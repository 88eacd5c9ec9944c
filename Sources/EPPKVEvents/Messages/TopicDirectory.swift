package import EPPCore

/// Finds the endpoint that a topic names.
package struct TopicDirectory {
  /// The endpoint that a topic names.
  package enum Sender: Equatable {
    case endpoint(EndpointSlot)
    /// The topic has an address that no endpoint of the pool has.
    case nobody
    /// The topic names a host with several endpoints; their number.
    case several(Int)
    /// The topic has another form; vLLM's default is empty.
    case unnamed
  }

  /// Changes whenever the result of a look-up may have changed.
  package private(set) var version = 0
  private var endpoints: [EndpointSlot: Endpoint] = [:]
  /// Endpoints by name and by address with port. An index, because every stream repeats its look-up after a change of the pool.
  private var byName: [String: Set<EndpointSlot>] = [:]
  /// Endpoints by host, in each way to write it.
  private var byHost: [String: Set<EndpointSlot>] = [:]
  private var known: [[UInt8]: Sender] = [:]

  /// A directory without endpoints.
  package init() {}

  /// Adds or updates an endpoint.
  package mutating func insert(_ endpoint: Endpoint) {
    let before = endpoints.updateValue(endpoint, forKey: endpoint.slot)
    if let before {
      guard before.name != endpoint.name || before.address != endpoint.address else { return }
      forget(before)
    }
    for name in Self.names(of: endpoint) { byName[name, default: []].insert(endpoint.slot) }
    for host in Self.hosts(of: endpoint) { byHost[host, default: []].insert(endpoint.slot) }
    forgetAnswers()
  }

  /// Removes an endpoint.
  package mutating func remove(_ slot: EndpointSlot) {
    guard let endpoint = endpoints.removeValue(forKey: slot) else { return }
    forget(endpoint)
    forgetAnswers()
  }

  private mutating func forget(_ endpoint: Endpoint) {
    for name in Self.names(of: endpoint) { Self.remove(endpoint.slot, from: &byName[name]) }
    for host in Self.hosts(of: endpoint) { Self.remove(endpoint.slot, from: &byHost[host]) }
  }

  private static func remove(_ slot: EndpointSlot, from slots: inout Set<EndpointSlot>?) {
    slots?.remove(slot)
    if slots?.isEmpty == true { slots = nil }
  }

  private static func names(of endpoint: Endpoint) -> [String] { [endpoint.name, endpoint.address.description] }
  private static func hosts(of endpoint: Endpoint) -> [String] {
    [endpoint.address.host, "[\(endpoint.address.host)]"]
  }

  private mutating func forgetAnswers() {
    version += 1
    known.removeAll(keepingCapacity: true)
  }

  /// The endpoint that a topic names.
  package mutating func sender(_ topic: [UInt8]) -> Sender {
    if let sender = known[topic] { return sender }
    let sender = find(topic)
    // A publisher that sends another topic with every message must not take memory for each.
    if known.count < 2 * EndpointSlot.capacity { known[topic] = sender }
    return sender
  }

  private func find(_ topic: [UInt8]) -> Sender {
    guard let topic = KVTopic(String(decoding: topic, as: UTF8.self)) else { return .unnamed }
    let found = byName[topic.address] ?? byHost[topic.address] ?? []
    guard let first = found.first else { return .nobody }
    return found.count == 1 ? .endpoint(first) : .several(found.count)
  }
}
