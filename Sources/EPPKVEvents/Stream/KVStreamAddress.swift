package import EPPCore

/// The addresses of one data-parallel rank of an engine.
package struct KVStreamAddress: Hashable, Sendable {
  /// The publisher's address; nil when the engine connects to this process.
  package var events: String?
  /// The address of the replay socket; nil when the engine has none.
  package var replay: String?
  /// The data-parallel rank.
  package var rank: Int

  /// Whether the publisher is given by a host name, which may resolve to both kinds of IP address.
  var hasName: Bool {
    guard let text = events ?? replay, text.hasPrefix("tcp://") else { return false }
    let host = text.dropFirst(6).prefix { $0 != ":" }
    return host.first != "[" && !host.utf8.allSatisfy { $0 == 0x2E || (0x30...0x39).contains($0) }
  }

  /// The addresses of all ranks of an endpoint; empty when its publisher is not known. An endpoint that is one rank of a pod has
  /// the ports of that rank: each rank of vLLM adds its number to the configured ports.
  package static func all(of endpoint: Endpoint, _ configuration: KVEventsConfiguration) -> [KVStreamAddress] {
    let host = endpoint.address.isIPv6 ? "[\(endpoint.address.host)]" : endpoint.address.host
    let events = endpoint.kvEvents ?? configuration.eventsPort.map { "tcp://\(host):\($0)" }
    let replay = endpoint.kvReplay ?? configuration.replayPort.map { "tcp://\(host):\($0)" }
    guard events != nil else { return [] }
    return (0..<max(1, configuration.dataParallelSize ?? 1)).compactMap { rank in
      let offset = endpoint.rank + rank
      guard let events = events.flatMap({ address($0, rank: offset) }) else { return nil }
      return KVStreamAddress(events: events, replay: replay.flatMap { address($0, rank: offset) }, rank: rank)
    }
  }

  /// The replay address of a rank of an endpoint whose engine connects to this process; nil when it is not known.
  ///
  /// - Parameter rank: The rank that the engine's messages state, also where the endpoint is that rank of a pod.
  package static func replay(
    of endpoint: Endpoint, rank: Int, _ configuration: KVEventsConfiguration
  ) -> String? {
    let host = endpoint.address.isIPv6 ? "[\(endpoint.address.host)]" : endpoint.address.host
    let base = endpoint.kvReplay ?? configuration.replayPort.map { "tcp://\(host):\($0)" }
    return base.flatMap { address($0, rank: rank) }
  }

  /// An address with the rank added to its port; nil when there is no such port.
  private static func address(_ base: String, rank: Int) -> String? {
    guard rank > 0 else { return base }
    guard let colon = base.lastIndex(of: ":"), let port = Int(base[base.index(after: colon)...]),
      port + rank <= Int(UInt16.max)
    else { return nil }
    return "\(base[...colon])\(port + rank)"
  }
}
