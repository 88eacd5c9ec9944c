package import EPPCore
package import EPPPrefixCache

/// Where engines' events come from, as far as routing has something to say to it.
package protocol CacheEventSource: Sendable {
  /// What is known of an endpoint's cache is wrong: it has to be learned anew. Does not wait.
  func resynchronise(_ slot: EndpointSlot, _ contradiction: CacheContradiction)
  /// When an endpoint's process was started, in seconds since 1970, as its metrics page has it. Does not wait.
  func noteStart(of slot: EndpointSlot, at time: Double)
  /// A prompt without adapter, salt or media is sent to an endpoint that holds blocks whose parents are not known. Does not
  /// wait.
  func notePrompt(_ tokens: [UInt32], to slot: EndpointSlot)
  /// An endpoint's engine finds much in its cache, and nothing that its events have announced is ever asked for. Does not
  /// wait.
  func noteUnmatched(_ slot: EndpointSlot)
}

/// No engine's events are followed.
package struct NoCacheEvents: CacheEventSource {
  package init() {}
  package func resynchronise(_ slot: EndpointSlot, _ contradiction: CacheContradiction) {}
  package func noteStart(of slot: EndpointSlot, at time: Double) {}
  package func notePrompt(_ tokens: [UInt32], to slot: EndpointSlot) {}
  package func noteUnmatched(_ slot: EndpointSlot) {}
}
