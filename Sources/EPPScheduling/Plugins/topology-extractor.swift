package import EPPCore

/// `topology-extractor`: which labels say where an endpoint runs.
package enum TopologyExtractor {
  private static let standard = EndpointTopology.Labels()
  private static let hostname = label("hostname", standard.hostname)
  private static let rack = label("rack", standard.rack)
  private static let zone = label("zone", standard.zone)
  private static let region = label("region", standard.region)

  private static func label(_ key: String, _ name: String) -> TypedParameter<String?> {
    .text(key, "The label with an endpoint's \(key) (\(name))")
  }

  /// The plugin type.
  package static let descriptor = PluginDescriptor(
    "topology-extractor", "Says which labels tell the host, rack, zone and region of an endpoint",
    parameters: [hostname.declaration, rack.declaration, zone.declaration, region.declaration],
    parts: [
      .settings(.extractor) { arguments in
        var names = standard
        if let name = arguments[hostname] { names.hostname = name }
        if let name = arguments[rack] { names.rack = name }
        if let name = arguments[zone] { names.zone = name }
        if let name = arguments[region] { names.region = name }
        return names
      }
    ])
}

extension EndpointTopology.Labels: PluginSettings {}
