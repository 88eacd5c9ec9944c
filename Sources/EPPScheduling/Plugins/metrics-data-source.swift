package import EPPCore

/// `metrics-data-source`: how the engines' metrics pages are read.
package struct MetricsDataSource: PluginSettings {
  package var page: PageSource

  private static let port = TypedParameter<Int>.integer(
    "port", 0...65_535, default: 0, "The page's port, in place of the endpoint's (0: the endpoint's)")
  private static let parameters = PageParameters(path: PageSource.metrics.path)

  /// The plugin type.
  package static let descriptor = PluginDescriptor(
    "metrics-data-source", "Reads the engines' metrics pages",
    parameters: parameters.declarations + [port.declaration], isInjected: true, check: { parameters.check(&$0) },
    parts: [
      .settings(.dataSource) { arguments in
        var page = parameters.page(arguments)
        page.port = UInt16(exactly: arguments[port]).flatMap { $0 == 0 ? nil : $0 }
        return MetricsDataSource(page: page)
      }
    ])
}
