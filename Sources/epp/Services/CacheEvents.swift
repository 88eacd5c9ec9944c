import EPPConfiguration
import EPPCore
import EPPDataLayer
import EPPKVEvents
import EPPMetrics
import EPPPrefixCache
import EPPRouting
import FoundationEssentials
import Logging
import ZeroMQ

extension KVEventSubscriber: CacheEventSource {}

extension KVEventsConfiguration {
  /// What the flags say; nil when no events are to be followed.
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
  /// Keeps up with who is in the pool.
  func apply(_ change: EndpointChange) {
    switch change {
    case .added(let endpoint, load: _), .updated(let endpoint): follow(endpoint)
    case .removed(let endpoint): unfollow(endpoint.slot)
    }
  }

  /// The page `/debug/kv-events`: all streams, as JSON.
  func page() -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    // Nothing in a status is beyond JSON: numbers are finite, texts are Unicode.
    let data = (try? encoder.encode(["streams": currentStreams()])) ?? Data()
    return Array(data) + [0x0A]
  }
}
