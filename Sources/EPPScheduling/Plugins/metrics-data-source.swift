/// `metrics-data-source`: engines' metrics pages are always scraped.
package enum MetricsDataSource {
  /// The plugin type.
  package static let descriptor = PluginDescriptor(
    "metrics-data-source", "Scrapes the engines' metrics pages",
    parameters: [
      PluginParameter("scheme", .fixed(.text(["http"])), default: "http", "The page's scheme"),
      PluginParameter("path", .fixed(.text(["/metrics"])), default: "/metrics", "The page's path"),
      PluginParameter(
        "port", .fixed(.unset(instead: "metricsPort in the endpoints file")),
        "Not supported; use metricsPort in the endpoints file"),
      PluginParameter("insecureSkipVerify", .ignored(because: nil), "Has no effect: pages are read in plain text"),
      PluginParameter("caCertPath", .fixed(.unset(instead: nil)), "Not supported"),
      PluginParameter("clientCertPath", .fixed(.unset(instead: nil)), "Not supported"),
      PluginParameter("clientKeyPath", .fixed(.unset(instead: nil)), "Not supported"),
      PluginParameter(
        "interval", .fixed(.unset(instead: "--refresh-metrics-interval")),
        "Not supported; use --refresh-metrics-interval"),
    ], isInjected: true,
    parts: [.builtIn(.dataSource)])
}
