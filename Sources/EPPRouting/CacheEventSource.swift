package import EPPCore
package import EPPPrefixCache

/// Follows engines' KV events; routing reports to it what it observes of engines and caches. Any thread may call it; no method
/// waits.
package protocol CacheEventSource: Sendable {
  /// Whether there are events to follow.
  var isFollowing: Bool { get }
  /// Learns an endpoint's cache anew, because what is known of it has proved wrong.
  func resynchronise(_ slot: EndpointSlot, _ contradiction: CacheContradiction)
  /// Reports the start time of an endpoint's process from its metrics page, in seconds since 1970.
  func noteStart(of slot: EndpointSlot, at time: Double)
  /// Reports a prompt without adapter, salt or media that is sent to an endpoint that holds blocks with unknown parents.
  func notePrompt(_ tokens: [UInt32], to slot: EndpointSlot)
  /// Reports that an endpoint's engine has many cache hits, while no prompt matches the blocks that its events announced.
  func noteUnmatched(_ slot: EndpointSlot)
}

extension CacheEventSource {
  package var isFollowing: Bool { true }
}

/// An event source for pools without KV events; does nothing.
package struct NoCacheEvents: CacheEventSource {
  /// A source without events.
  package init() {}
  package var isFollowing: Bool { false }
  package func resynchronise(_ slot: EndpointSlot, _ contradiction: CacheContradiction) {}
  package func noteStart(of slot: EndpointSlot, at time: Double) {}
  package func notePrompt(_ tokens: [UInt32], to slot: EndpointSlot) {}
  package func noteUnmatched(_ slot: EndpointSlot) {}
}
