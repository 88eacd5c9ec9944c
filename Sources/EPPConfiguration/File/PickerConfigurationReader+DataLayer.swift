import Yams

/// Sections beside the scheduling.
extension PickerConfigurationReader {
  mutating func dataLayer(_ node: Node?) {
    guard let node,
      let members = reader.members(
        node, of: "dataLayer",
        known: [
          "injectDefaults", "sources", "discovery", "peerDiscovery", "crossReplicaSyncerPluginRef",
          "crossReplicaSyncInterval",
        ])
    else { return }
    if reader.boolean(members["injectDefaults"], "injectDefaults") == false {
      notes.append("dataLayer.injectDefaults has no effect: engines are always scraped")
    }
    for source in reader.list(members["sources"], "dataLayer.sources") {
      let what = "an entry of dataLayer.sources"
      guard let source = reader.members(source, of: what, known: ["pluginRef", "extractors"]) else { continue }
      _ = pluginReference(source, of: what, .dataSource)
      for extractor in reader.list(source["extractors"], "extractors") {
        reference(extractor, "an entry of extractors", .extractor)
      }
    }
    if let discovery = reference(members["discovery"], "dataLayer.discovery", .discovery) {
      endpointsFile = plugins[discovery]?.endpointsFile
    }
    for name in ["peerDiscovery", "crossReplicaSyncerPluginRef", "crossReplicaSyncInterval"] {
      guard members[name] != nil, let key = members.keys[name] else { continue }
      reader.report("'\(name)' is known in llm-d but not supported by this version yet", key)
    }
  }

  /// Names are checked; values have no meaning as long as the feature gate is off, there as here.
  mutating func flowControl(_ node: Node?) {
    let band = ["priority", "maxBytes", "maxRequests", "fairnessPolicyRef", "orderingPolicyRef"]
    guard let node,
      let members = reader.members(
        node, of: "flowControl",
        known: [
          "maxBytes", "maxRequests", "defaultRequestTTL", "noEndpointRequestTTL", "defaultPriorityBand",
          "defaultNegativePriorityBand", "priorityBands", "usageLimitPolicyPluginRef", "saturationDetector",
          "enableEviction",
        ])
    else { return }
    let bands = reader.list(members["priorityBands"], "flowControl.priorityBands")
    let defaults = [members["defaultPriorityBand"], members["defaultNegativePriorityBand"]]
    for node in bands + defaults.compactMap(\.self) {
      guard let members = reader.members(node, of: "a priority band", known: band) else { continue }
      _ = members["fairnessPolicyRef"].map { policy($0, "fairnessPolicyRef", .fairnessPolicy) }
      _ = members["orderingPolicyRef"].map { policy($0, "orderingPolicyRef", .orderingPolicy) }
    }
    if let policy = members["usageLimitPolicyPluginRef"] {
      self.policy(policy, "usageLimitPolicyPluginRef", .usageLimitPolicy)
    }
    reference(members["saturationDetector"], "flowControl.saturationDetector", .detector)
    _ = reader.boolean(members["enableEviction"], "enableEviction")
    notes.append("flowControl has no effect: its feature gate is off")
  }

  private mutating func policy(_ node: Node, _ what: String, _ role: PluginRole) {
    if let name = reader.string(node, what) { _ = named(name, node, role) }
  }
}
