import EPPScheduling
import Yams

/// Reads the section `dataLayer`: discovery of endpoints and sources of their metrics.
struct DataLayerSection {
  private let plugins: PluginSection

  init(_ plugins: PluginSection) { self.plugins = plugins }

  /// Reads the section, and returns the plugin that finds endpoints; nil when the section names none.
  func read(_ node: Node?, _ reader: inout YAMLReader) -> ConfiguredPlugin? {
    guard let node,
      let members = reader.members(
        node, of: "dataLayer",
        known: [
          "injectDefaults", "sources", "discovery", "peerDiscovery", "crossReplica", "crossReplicaSyncerPluginRef",
          "crossReplicaSyncInterval", "crossReplicaPublishTimeout",
        ])
    else { return nil }
    if reader.boolean(members["injectDefaults"], "injectDefaults") == false {
      reader.note("dataLayer.injectDefaults has no effect: engines are always scraped")
    }
    for source in reader.list(members["sources"], "dataLayer.sources") {
      let what = "an entry of dataLayer.sources"
      guard let source = reader.members(source, of: what, known: ["pluginRef", "extractors"]) else { continue }
      _ = plugins.reference(source, of: what, .dataSource, &reader)
      for extractor in reader.list(source["extractors"], "extractors") {
        plugins.reference(extractor, "an entry of extractors", .extractor, &reader)
      }
    }
    let shared = ["peerDiscovery", "crossReplica", "crossReplicaSyncerPluginRef"].filter { members[$0] != nil }
    if !shared.isEmpty {
      reader.note(
        "\(shared.joined(separator: ", ")) in dataLayer \(shared.count == 1 ? "has" : "have") no effect: replicas learn from "
          + "KV events, and each counts its own requests")
    }
    guard let node = members["discovery"],
      let discovery = reader.members(
        node, of: "dataLayer.discovery", known: ["pluginRef", "endpoints", "peers"])
    else { return nil }
    // The form of v1alpha1 is a bare pluginRef, that of v1 has a member for each kind of discovery.
    if discovery["peers"] != nil {
      reader.note("dataLayer.discovery.peers has no effect: replicas do not talk to each other")
    }
    let name =
      discovery["endpoints"] != nil
      ? plugins.reference(discovery["endpoints"], "dataLayer.discovery.endpoints", .discovery, &reader)
      : discovery["peers"] == nil || discovery["pluginRef"] != nil
        ? plugins.reference(discovery, of: "dataLayer.discovery", .discovery, &reader) : nil
    return name.flatMap { plugins[$0]?.plugin }
  }
}

/// Reads the section `flowControl`. Names are checked; besides the detector, values have no effect, as in llm-d while the feature
/// gate is off.
struct FlowControlSection {
  private let plugins: PluginSection

  init(_ plugins: PluginSection) { self.plugins = plugins }

  /// Checks the section, and returns the name of the saturation detector; nil when it names none.
  func read(_ node: Node?, _ reader: inout YAMLReader) -> String? {
    let band = [
      "priority", "maxBytes", "maxRequests", "defaultRequestTTL", "fairnessPolicyRef", "orderingPolicyRef",
    ]
    guard let node,
      let members = reader.members(
        node, of: "flowControl",
        known: [
          "maxBytes", "maxRequests", "defaultRequestTTL", "noEndpointRequestTTL", "defaultPriorityBand",
          "defaultNegativePriorityBand", "priorityBands", "usageLimitPolicyPluginRef", "saturationDetector",
          "enableEviction",
        ])
    else { return nil }
    let bands = reader.list(members["priorityBands"], "flowControl.priorityBands")
    let defaults = [members["defaultPriorityBand"], members["defaultNegativePriorityBand"]]
    for node in bands + defaults.compactMap(\.self) {
      guard let members = reader.members(node, of: "a priority band", known: band) else { continue }
      policy(members["fairnessPolicyRef"], "fairnessPolicyRef", .fairnessPolicy, &reader)
      policy(members["orderingPolicyRef"], "orderingPolicyRef", .orderingPolicy, &reader)
    }
    policy(members["usageLimitPolicyPluginRef"], "usageLimitPolicyPluginRef", .usageLimitPolicy, &reader)
    let detector = plugins.reference(
      members["saturationDetector"], "flowControl.saturationDetector", .detector, &reader)
    _ = reader.boolean(members["enableEviction"], "enableEviction")
    if members.values.keys.contains(where: { $0 != "saturationDetector" }) {
      reader.note("flowControl has no effect besides its saturationDetector: its feature gate is off")
    }
    return detector
  }

  private func policy(_ node: Node?, _ what: String, _ role: PluginRole, _ reader: inout YAMLReader) {
    if let node, let name = reader.string(node, what) { _ = plugins.named(name, node, role, &reader) }
  }
}
