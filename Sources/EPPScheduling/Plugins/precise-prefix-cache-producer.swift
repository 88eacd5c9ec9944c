import EPPCore

/// `precise-prefix-cache-producer`: where the engines publish KV events. Flags take precedence.
package struct PreciseCacheSettings: PluginSettings {
  /// llm-d's default of `socketPort`, which is vLLM's default port.
  static let defaultPort: UInt16 = 5557

  /// The port on which every engine publishes; nil when engines connect to the picker, or the endpoints file has the addresses.
  package var eventsPort: UInt16? = Self.defaultPort
  /// The port at which every engine sends events again; nil for none.
  package var replayPort: UInt16?
  /// The address on which the picker listens for engines that connect to it; nil for none.
  package var eventsBind: String?
  /// Whether recently routed prompts count before the engine announces them; nil when the file does not say.
  package var speculates: Bool?

  /// The default settings.
  package init() {}

  /// The settings with missing values taken from `other`.
  package func completed(by other: PreciseCacheSettings) -> PreciseCacheSettings {
    var result = self
    if eventsPort == Self.defaultPort, eventsBind == nil {
      (result.eventsPort, result.eventsBind) = (other.eventsPort, other.eventsBind)
    }
    result.replayPort = replayPort ?? other.replayPort
    result.speculates = speculates ?? other.speculates
    return result
  }

  // MARK: Parameters

  private static let socketPort = TypedParameter<Int>.integer(
    "socketPort", 1...65_535, default: Int(defaultPort), "Port of every engine's events")
  private static let replaySocketPort = TypedParameter<Int>.integer(
    "replaySocketPort", -1...65_535, default: 0,
    "Port at which every engine sends events again that were missed; 0 and below is none")
  private static let podDiscovery = TypedParameter<PluginArguments?>.object(
    "podDiscoveryConfig",
    [
      socketPort.declaration, replaySocketPort.declaration,
      PluginParameter(
        "dataParallelSize", .ignored(because: "--kv-data-parallel-size says how many ranks an endpoint has"),
        "Has no effect: see --kv-data-parallel-size"),
      PluginParameter(
        "podLabelSelector", .ignored(because: nil), "Has no effect: the pool's endpoints are followed"),
      PluginParameter("podNamespace", .ignored(because: nil), "Has no effect: the pool's endpoints are followed"),
    ], "Where engines publish")
  private static let engineType = TypedParameter<String?>.text("engineType", "vllm or sglang")
  private static let discoverPods = TypedParameter<Bool?>.boolean(
    "discoverPods", "Whether engines publish at a port of their own")
  private static let zmqEndpoint = TypedParameter<String?>.text(
    "zmqEndpoint", "Where the picker listens for engines that connect to it, such as tcp://*:5557")
  private static let kvEvents = TypedParameter<PluginArguments?>.object(
    "kvEventsConfig",
    [
      PluginParameter("topicFilter", .ignored(because: nil), "Has no effect: all topics are followed"),
      PluginParameter("concurrency", .ignored(because: nil), "Has no effect: one thread follows all topics"),
      discoverPods.declaration, podDiscovery.declaration, engineType.declaration, zmqEndpoint.declaration,
    ], "Where the engines' KV events are")
  private static let speculativeIndexing = TypedParameter<Bool?>.boolean(
    "speculativeIndexing", "Whether what was just sent to an engine counts before it announces it")

  static let parameters = [
    PluginParameter(
      "tokenProcessorConfig",
      .ignored(because: "blocks are as large as the engines say, and keys have a secret of their own"),
      "Has no effect: block sizes are the engines'"),
    PluginParameter(
      "indexerConfig", .ignored(because: "--max-index-bytes bounds the index"),
      "Has no effect: --max-index-bytes bounds the index"),
    kvEvents.declaration, speculativeIndexing.declaration,
    PluginParameter(
      "speculativeTTL", .ignored(because: "what is sent somewhere counts until it is announced or overdue"),
      "Has no effect: a speculative entry ends when it is announced or overdue"),
  ]

  /// The plugin type.
  package static let descriptor = PluginDescriptor(
    "precise-prefix-cache-producer", "Follows the engines' KV events: what they announce is what they hold",
    parameters: parameters, check: check,
    parts: [
      .settings(.producer) { PreciseCacheSettings($0) }, .prefixProducer { _ in .whole }, .builtIn(.extractor),
    ])

  @Sendable
  static func check(_ check: inout PluginCheck) {
    guard let events = check.arguments[kvEvents] else { return }
    if let engine = events[engineType], !["vllm", "sglang"].contains(engine) {
      check.report(
        "engineType is either vllm or sglang, not '\(engine.shortened)'", at: kvEvents.key, engineType.key)
    }
    for name in ["topicFilter", "concurrency"] where events.isGiven(name) {
      check.note("'\(name)' of \(check.type) has no effect: one thread follows all topics")
    }
    if events[zmqEndpoint]?.isEmpty == false, events[discoverPods] == true {
      check.report(
        "discoverPods and zmqEndpoint exclude each other: engines either listen themselves or connect to the picker",
        at: kvEvents.key, discoverPods.key)
    }
    if let pods = events[podDiscovery], pods[socketPort] == pods[replaySocketPort] {
      check.report(
        "socketPort and replaySocketPort are both \(pods[socketPort]): an engine has a port for each", at: kvEvents.key,
        podDiscovery.key, replaySocketPort.key)
    }
    if let pods = events[podDiscovery], pods.isGiven("podLabelSelector") || pods.isGiven("podNamespace") {
      check.note(
        "'podLabelSelector' and 'podNamespace' have no effect: the events of the pool's endpoints are followed")
    }
  }

  init(_ arguments: PluginArguments) {
    speculates = arguments[Self.speculativeIndexing]
    guard let events = arguments[Self.kvEvents] else { return }
    if let endpoint = events[Self.zmqEndpoint], !endpoint.isEmpty {
      // ZeroMQ binds to addresses and interfaces, not to names.
      let local = "tcp://localhost:"
      eventsBind = endpoint.hasPrefix(local) ? "tcp://127.0.0.1:" + endpoint.dropFirst(local.count) : endpoint
      eventsPort = nil
    } else if events[Self.discoverPods] == false {
      eventsPort = nil
    } else if let pods = events[Self.podDiscovery] {
      eventsPort = UInt16(exactly: pods[Self.socketPort])
      replayPort = UInt16(exactly: pods[Self.replaySocketPort]).flatMap { $0 > 0 ? $0 : nil }
    }
  }
}
