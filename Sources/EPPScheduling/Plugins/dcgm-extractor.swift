/// `dcgm-extractor`: the use of the busiest GPU becomes an attribute of the endpoint. Without it no exporter is read.
package struct DCGMExtractor: PluginSettings {
  /// The plugin type.
  package static let descriptor = PluginDescriptor(
    "dcgm-extractor", "Keeps the use of an endpoint's busiest GPU as the attribute GPUUtilization",
    parts: [.settings(.extractor) { _ in DCGMExtractor() }])
}
