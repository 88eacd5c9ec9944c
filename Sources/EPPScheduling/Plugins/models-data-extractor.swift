/// `models-data-extractor`: the names in the lists of models become data of the endpoints. Without it no list is
/// read.
package struct ModelsDataExtractor: PluginSettings {
  /// The plugin type.
  package static let descriptor = PluginDescriptor(
    "models-data-extractor", "Keeps the names of the models that engines serve",
    parts: [.settings(.extractor) { _ in ModelsDataExtractor() }])
}
