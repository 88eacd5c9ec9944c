import Yams

/// Parameters of `precise-prefix-cache-producer`, and of `precise-prefix-cache-scorer`, which was both scorer and producer.
extension PickerConfigurationReader {
  mutating func preciseProducer(_ node: Node?, of plugin: String) {
    var settings = precise ?? PreciseCacheSettings()
    defer { precise = settings }
    let known = [
      "tokenProcessorConfig", "indexerConfig", "kvEventsConfig", "speculativeIndexing", "speculativeTTL",
    ]
    guard let node, let members = reader.members(node, of: "the parameters of \(plugin)", known: known) else { return }
    // The anchor's default is off; whoever does not say so gets Warmpath's.
    if let speculates = reader.boolean(members["speculativeIndexing"], "speculativeIndexing") {
      settings.speculates = speculates
    }
    var idle: [String] = []
    for (name, why) in [
      ("tokenProcessorConfig", "blocks are as large as the engines say, and keys have a secret of their own"),
      ("indexerConfig", "--max-index-bytes bounds the index"),
      ("speculativeTTL", "what is sent somewhere counts until it is announced or overdue"),
    ] where members[name] != nil {
      idle.append("'\(name)' of \(plugin) has no effect: \(why)")
    }
    notes += idle
    events(members["kvEventsConfig"], plugin, &settings)
  }

  private mutating func events(_ node: Node?, _ plugin: String, _ settings: inout PreciseCacheSettings) {
    let known = ["topicFilter", "concurrency", "discoverPods", "podDiscoveryConfig", "engineType", "zmqEndpoint"]
    guard let node, let members = reader.members(node, of: "kvEventsConfig", known: known) else { return }
    if let engine = reader.string(members["engineType"], "engineType"), !["vllm", "sglang"].contains(engine),
      let place = members["engineType"]
    {
      reader.report("engineType is either vllm or sglang, not '\(YAMLReader.shortened(engine))'", place)
    }
    for name in ["topicFilter", "concurrency"] where members[name] != nil {
      notes.append("'\(name)' of \(plugin) has no effect: one thread follows all topics")
    }
    let discovers = reader.boolean(members["discoverPods"], "discoverPods")
    let endpoint = reader.string(members["zmqEndpoint"], "zmqEndpoint").flatMap { $0.isEmpty ? nil : $0 }
    if let endpoint {
      if discovers == true, let place = members["discoverPods"] {
        reader.report(
          "discoverPods and zmqEndpoint exclude each other: engines either listen themselves or connect to the picker",
          place)
      }
      settings.eventsBind = endpoint
    }
    settings.eventsPort = endpoint == nil && discovers != false ? PreciseCacheSettings.defaultPort : nil
    guard
      let discovery = members["podDiscoveryConfig"],
      let pods = reader.members(
        discovery, of: "podDiscoveryConfig", known: ["podLabelSelector", "podNamespace", "socketPort"])
    else { return }
    if pods["podLabelSelector"] != nil || pods["podNamespace"] != nil {
      notes.append(
        "'podLabelSelector' and 'podNamespace' have no effect: the events of the pool's endpoints are followed")
    }
    if let port = reader.integer(pods["socketPort"], "socketPort", 1...65_535), settings.eventsPort != nil {
      settings.eventsPort = UInt16(port)
    }
  }
}
