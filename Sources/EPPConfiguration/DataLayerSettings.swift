package import EPPCore
import EPPScheduling

/// How the pages of endpoints are read, and what is read from them: from the configuration file and from flags.
package struct DataLayerSettings: Sendable, Equatable {
  /// A page that is read beside the metrics pages.
  package struct Polled: Sendable, Equatable {
    package var page: PageSource
    /// The data source's type, which is its name in metrics.
    package var source: String
    /// Whether the page is at the address of the pod's node, where that is known.
    package var usesNodeAddress: Bool

    package init(page: PageSource, source: String, usesNodeAddress: Bool = false) {
      self.page = page
      self.source = source
      self.usesNodeAddress = usesNodeAddress
    }
  }

  /// How metrics pages are read.
  package var page = PageSource.metrics
  /// Which metrics are read of which endpoints.
  package var engines = EngineMetricSettings()
  /// How lists of models are read; nil when they are not.
  package var models: Polled?
  /// How the pages of DCGM exporters are read; nil when they are not.
  package var gpus: Polled?
  /// The labels with the endpoints' places.
  package var topology = EndpointTopology.Labels()
  /// Labels whose numbers become attributes.
  package var labelAttributes: [LabelAttribute] = []

  /// Time between two readings of a page whose data source says none, besides metrics pages.
  private static let polledInterval = Duration.seconds(1)

  /// The settings without a configuration file.
  package init() {}

  /// The settings of a file: of plugins of one type the last with parameters counts. A page that only one extractor reads is
  /// read where that is named too.
  package init(_ file: PickerConfigurationFile) {
    if let source = file.settings(MetricsDataSource.self).last { page = source.page }
    if let engines = file.settings(EngineMetricSettings.self).last { self.engines = engines }
    if let labels = file.settings(EndpointTopology.Labels.self).last { topology = labels }
    labelAttributes = file.settings(LabelProducer.self).compactMap(\.attribute)
    if let source = file.settings(ModelsDataSource.self).last, !file.settings(ModelsDataExtractor.self).isEmpty {
      models = Polled(page: source.page, source: ModelsDataSource.descriptor.type)
    }
    if let source = file.settings(DCGMDataSource.self).last, !file.settings(DCGMExtractor.self).isEmpty {
      gpus = Polled(
        page: source.page, source: DCGMDataSource.descriptor.type, usesNodeAddress: source.usesNodeAddress)
    }
  }

  /// Rounds the intervals of all pages to multiples of that of all sources.
  mutating func round(to base: Duration) {
    page.interval = page.interval(base: base)
    for polled in [\DataLayerSettings.models, \DataLayerSettings.gpus] {
      guard var page = self[keyPath: polled]?.page else { continue }
      page.interval = page.interval ?? Self.polledInterval
      self[keyPath: polled]?.page.interval = page.interval(base: base)
    }
  }
}
