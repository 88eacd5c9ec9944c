import EPPConfiguration
import EPPCore
import EPPDataLayer
import EPPKVEvents
import EPPMetrics
import EPPObservability
import EPPPrefixCache
import EPPRouting
import Logging
import ZeroMQ

extension KVEventSubscriber: CacheEventSource {}

extension KVEventsConfiguration {
  /// Makes the configuration of the flags; nil for the mode `approximate`, in which KV events are not received.
  init?(_ settings: CacheSettings) {
    guard settings.mode != .approximate else { return nil }
    self.init()
    eventsPort = settings.eventsPort
    replayPort = settings.replayPort
    // One is what the flag says by default: engines that connect may then be of any rank.
    dataParallelSize = settings.dataParallelSize > 1 ? settings.dataParallelSize : nil
    bindAddress = settings.eventsBind
  }
}

extension KVEventSubscriber {
  /// Follows or unfollows the KV events of an endpoint that has changed.
  func apply(_ change: EndpointChange) {
    switch change {
    case .added(let endpoint, load: _), .updated(let endpoint): follow(endpoint)
    case .removed(let endpoint): unfollow(endpoint.slot)
    }
  }

  /// Returns the page `/debug/kv-events`: the status of all streams in JSON.
  func page() -> [UInt8] { JSONDocument.bytes(of: ["streams": currentStreams()]) }
}
