import EPPRequests

/// Where and how an engine publishes its KV events: vLLM's `--kv-events-config`.
package struct KVEventsConfiguration: Sendable, Equatable {
  /// The address on which batches are published.
  package var endpoint = KVEventEndpoint("tcp://*:5557")
  /// The address of replay requests; nil turns replay off.
  package var replayEndpoint: KVEventEndpoint?
  /// Batches that are kept for replay.
  package var bufferSteps = 10_000
  /// Batches that are queued for a subscriber that does not read at most; further ones are not sent to it.
  package var highWaterMark = 100_000
  /// Batches that wait to be sent at most.
  package var maximumQueueSize = 100_000
  /// The first frame of every message.
  package var topic = ""

  package init() {}

  /// Reads the JSON of the flag; nil when it turns events off.
  ///
  /// - Throws: `KVEventsConfigurationError` when the text is not valid.
  package static func read(_ text: String) throws(KVEventsConfigurationError) -> KVEventsConfiguration? {
    let root: JSONNode
    do { root = try JSONNode(Array(text.utf8)) } catch {
      throw KVEventsConfigurationError("it is not JSON: \(error.reason.rawValue) (at byte \(error.offset))")
    }
    guard case .object(let members) = root else { throw KVEventsConfigurationError("it is no JSON object") }
    var configuration = KVEventsConfiguration()
    var isEnabled = false
    for member in members {
      let (name, value) = (member.name, member.value)
      switch name {
      case "enable_kv_cache_events": isEnabled = try read(value.boolean, name, "true or false")
      case "publisher":
        let publisher = try read(value.text, name, "\"zmq\" or \"null\"")
        guard publisher == "zmq" || publisher == "null" else {
          throw KVEventsConfigurationError("publisher \"\(publisher)\" is not known; it is \"zmq\" or \"null\"")
        }
        if publisher == "null" { return nil }
      case "endpoint": configuration.endpoint = KVEventEndpoint(try read(value.text, name, "a string"))
      case "replay_endpoint":
        if value == .null { continue }
        configuration.replayEndpoint = KVEventEndpoint(try read(value.text, name, "a string"))
      case "buffer_steps": configuration.bufferSteps = try count(value, name)
      case "hwm": configuration.highWaterMark = try count(value, name)
      case "max_queue_size": configuration.maximumQueueSize = try count(value, name)
      case "topic": configuration.topic = try read(value.text, name, "a string")
      default: throw KVEventsConfigurationError("\(name) is not known; known are \(Self.names)")
      }
    }
    return isEnabled ? configuration : nil
  }

  private static let names =
    "enable_kv_cache_events, publisher, endpoint, replay_endpoint, buffer_steps, hwm, max_queue_size and topic"
  /// Largest number of batches that is accepted.
  private static let maximumCount: UInt64 = 10_000_000

  private static func read<Value>(
    _ value: Value?, _ name: String, _ wanted: String
  ) throws(KVEventsConfigurationError) -> Value {
    guard let value else { throw KVEventsConfigurationError("\(name) has to be \(wanted)") }
    return value
  }

  private static func count(_ value: JSONNode, _ name: String) throws(KVEventsConfigurationError) -> Int {
    guard let number = value.integer, (1...maximumCount).contains(number) else {
      throw KVEventsConfigurationError("\(name) has to be a whole number from 1 to \(maximumCount)")
    }
    return Int(number)
  }

  /// Returns the configuration of another engine of the process: `ranks` is added to the ports, as for data-parallel ranks.
  package func moved(by ranks: Int) -> KVEventsConfiguration {
    var moved = self
    moved.endpoint = endpoint.moved(by: ranks)
    moved.replayEndpoint = replayEndpoint?.moved(by: ranks)
    return moved
  }

  /// The configuration in the response of `/kv_event_sources`.
  var json: String {
    """
    {"enable_kv_cache_events":true,"publisher":"zmq","endpoint":\(JSONString.quoted(endpoint.text)),\
    "replay_endpoint":\(replayEndpoint.map { JSONString.quoted($0.text) } ?? "null"),"buffer_steps":\(bufferSteps),\
    "hwm":\(highWaterMark),"max_queue_size":\(maximumQueueSize),"topic":\(JSONString.quoted(topic))}
    """
  }
}

/// Why a text is not a valid configuration of KV events.
package struct KVEventsConfigurationError: Error, CustomStringConvertible {
  package let description: String

  init(_ description: String) { self.description = description }
}
