package import EPPCore

/// `dcgm-data-source`: how the pages of DCGM exporters are read, which have metrics of GPUs.
package struct DCGMDataSource: PluginSettings {
  package var page: PageSource
  /// Whether the exporter is at the address of the pod's node.
  package var usesNodeAddress: Bool

  private static let port = TypedParameter<Int>.integer(
    "port", 1...65_535, default: 9400, "The port of the exporters")
  private static let usesNodeAddress = TypedParameter<Bool>.boolean(
    "useNodeAddress", default: false, "Whether one exporter on each node serves all of its pods")
  private static let parameters = PageParameters(path: "/metrics")

  /// The plugin type.
  package static let descriptor = PluginDescriptor(
    "dcgm-data-source", "Reads the pages of DCGM exporters, once a second unless interval is given",
    parameters: parameters.declarations + [port.declaration, usesNodeAddress.declaration],
    check: { parameters.check(&$0) },
    parts: [
      .settings(.dataSource) { arguments in
        var page = parameters.page(arguments)
        page.port = UInt16(exactly: arguments[port])
        return DCGMDataSource(page: page, usesNodeAddress: arguments[usesNodeAddress])
      }
    ])
}
