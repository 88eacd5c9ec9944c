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
          "injectDefaults", "sources", "discovery", "peerDiscovery", "crossReplicaSyncerPluginRef",
          "crossReplicaSyncInterval",
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
    for name in ["peerDiscovery", "crossReplicaSyncerPluginRef", "crossReplicaSyncInterval"] {
      guard members[name] != nil, let key = members.keys[name] else { continue }
      reader.report("'\(name)' is known in llm-d but not supported by this version yet", key)
    }
    let discovery = plugins.reference(members["discovery"], "dataLayer.discovery", .discovery, &reader)
    return discovery.flatMap { plugins[$0]?.plugin }
  }
}

/// Reads the section `flowControl`. Names are checked; values have no effect, as in llm-d while the feature gate is off.
struct FlowControlSection {
  private let plugins: PluginSection

  init(_ plugins: PluginSection) { self.plugins = plugins }

  /// Checks the section.
  func read(_ node: Node?, _ reader: inout YAMLReader) {
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
      policy(members["fairnessPolicyRef"], "fairnessPolicyRef", .fairnessPolicy, &reader)
      policy(members["orderingPolicyRef"], "orderingPolicyRef", .orderingPolicy, &reader)
    }
    policy(members["usageLimitPolicyPluginRef"], "usageLimitPolicyPluginRef", .usageLimitPolicy, &reader)
    plugins.reference(members["saturationDetector"], "flowControl.saturationDetector", .detector, &reader)
    _ = reader.boolean(members["enableEviction"], "enableEviction")
    reader.note("flowControl has no effect: its feature gate is off")
  }

  private func policy(_ node: Node?, _ what: String, _ role: PluginRole, _ reader: inout YAMLReader) {
    if let node, let name = reader.string(node, what) { _ = plugins.named(name, node, role, &reader) }
  }
}
