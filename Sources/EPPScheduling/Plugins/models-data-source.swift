package import EPPCore

/// `models-data-source`: how the endpoints' lists of models are read.
package struct ModelsDataSource: PluginSettings {
  package var page: PageSource

  private static let parameters = PageParameters(path: "/v1/models")

  /// The plugin type.
  package static let descriptor = PluginDescriptor(
    "models-data-source", "Reads the lists of the models that engines serve, once a second unless interval is given",
    parameters: parameters.declarations, check: { parameters.check(&$0) },
    parts: [.settings(.dataSource) { ModelsDataSource(page: parameters.page($0)) }])
}
