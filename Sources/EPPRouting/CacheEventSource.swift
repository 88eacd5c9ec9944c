package import EPPCore

/// Where engines' events come from, as far as routing has something to say to it.
package protocol CacheEventSource: Sendable {
  /// What is known of an endpoint's cache is wrong: it has to be learned anew. Does not wait.
  func resynchronise(_ slot: EndpointSlot)
}

/// No engine's events are followed.
package struct NoCacheEvents: CacheEventSource {
  package init() {}
  package func resynchronise(_ slot: EndpointSlot) {}
}
