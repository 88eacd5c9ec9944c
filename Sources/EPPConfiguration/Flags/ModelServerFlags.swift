import ArgumentParser
import EPPCore
import EPPScheduling

/// Flags of older releases of llm-d that say how engines' metrics pages are read, and which metrics are on them. The configuration
/// file's plugins say the same, and win.
package struct ModelServerFlags: ParsableArguments {
  private static let skip = BooleanFlag("model-server-metrics-https-insecure-skip-verify", default: true)

  @Option(
    help: ArgumentHelp("Scheme of the engines' metrics pages: http or https.", valueName: "scheme", visibility: .hidden)
  )
  var modelServerMetricsScheme: String?
  @Option(help: ArgumentHelp("Path of the engines' metrics pages.", valueName: "path", visibility: .hidden))
  var modelServerMetricsPath: String?
  @Option(
    help: ArgumentHelp(
      "Port of the engines' metrics pages, in place of their own; 0 for their own.", valueName: "port",
      visibility: .hidden))
  var modelServerMetricsPort: String?
  @Option(
    name: skip.specification, defaultAsFlag: GoBoolean(true), parsing: .next,
    help: skip.help("Accept any certificate of the engines' metrics pages", visibility: .hidden))
  var modelServerMetricsHTTPSInsecureSkipVerify: GoBoolean?
  @Option(help: ArgumentHelp("Metric of the requests in the queue.", valueName: "metric", visibility: .hidden))
  var totalQueuedRequestsMetric: String?
  @Option(help: ArgumentHelp("Metric of the requests in the batch.", valueName: "metric", visibility: .hidden))
  var totalRunningRequestsMetric: String?
  @Option(help: ArgumentHelp("Metric of the used share of the cache.", valueName: "metric", visibility: .hidden))
  var kvCacheUsagePercentageMetric: String?
  @Option(help: ArgumentHelp("Metric with the adapters as labels.", valueName: "metric", visibility: .hidden))
  var loraInfoMetric: String?
  @Option(
    help: ArgumentHelp("Metric with the size of the cache as labels.", valueName: "metric", visibility: .hidden))
  var cacheInfoMetric: String?

  package init() {}

  /// Checks the flags, and returns the settings that they and the configuration file make.
  func checked(_ check: inout FlagCheck, file: PickerConfigurationFile?) -> DataLayerSettings {
    var settings = file.map { DataLayerSettings($0) } ?? DataLayerSettings()
    applyPage(to: &settings, &check, file)
    applyMetrics(to: &settings, &check, file)
    return settings
  }

  /// Whether a plugin of a type has parameters in the file.
  private func configures(_ file: PickerConfigurationFile?, _ descriptor: PluginDescriptor) -> Bool {
    file?.plugins.contains { $0.descriptor == descriptor && !$0.arguments.isEmpty } ?? false
  }

  // MARK: Pages

  private func applyPage(
    to settings: inout DataLayerSettings, _ check: inout FlagCheck, _ file: PickerConfigurationFile?
  ) {
    var page = settings.page
    var given: [String] = []
    if let text = modelServerMetricsScheme.given {
      given.append("--model-server-metrics-scheme")
      if let scheme: PageSource.Scheme = check.choice(text, given.last ?? "") { page.scheme = scheme }
    }
    if let path = modelServerMetricsPath.given {
      given.append("--model-server-metrics-path")
      if !PageSource.isPath(path) {
        check.problem("--model-server-metrics-path: a path has no blanks and no control characters")
      }
      page.path = path.hasPrefix("/") ? path : "/" + path
    }
    if let text = modelServerMetricsPort.given {
      given.append("--model-server-metrics-port")
      let port = UInt16(text)
      if port == nil {
        check.problem("--model-server-metrics-port: '\(text)' is not a port (1 to 65535, or 0 for the engines' own)")
      }
      page.port = port == 0 ? nil : port
    }
    if let skips = check.given(modelServerMetricsHTTPSInsecureSkipVerify, Self.skip) {
      given.append("--\(Self.skip.name)")
      page.certificates.skipsVerification = skips
    }
    guard page != settings.page else { return }
    let descriptor = MetricsDataSource.descriptor
    if configures(file, descriptor) {
      check.warnings.append(
        "\(given.joined(separator: ", ")): the parameters of \(descriptor.type) in the configuration file differ, and "
          + "count")
    } else {
      settings.page = page
    }
  }

  // MARK: Metrics

  private func applyMetrics(
    to settings: inout DataLayerSettings, _ check: inout FlagCheck, _ file: PickerConfigurationFile?
  ) {
    let texts: [(flag: String, text: String?, metric: WritableKeyPath<EngineMetricSpecs, MetricSpec?>)] = [
      ("--total-queued-requests-metric", totalQueuedRequestsMetric, \.waitingRequests),
      ("--total-running-requests-metric", totalRunningRequestsMetric, \.runningRequests),
      ("--kv-cache-usage-percentage-metric", kvCacheUsagePercentageMetric, \.kvCacheUsage),
      ("--lora-info-metric", loraInfoMetric, \.loRA), ("--cache-info-metric", cacheInfoMetric, \.cacheInfo),
    ]
    let name = settings.engines.defaultEngine
    let configured = settings.engines.engines.first { $0.name == name }
    guard let known = configured ?? EngineMetricSpecs.builtIn.first(where: { $0.name == name }) else { return }
    var engine = known
    var given: [String] = []
    for (flag, text, metric) in texts {
      guard let text = text.given else { continue }
      given.append(flag)
      do throws(MetricSpec.Problem) {
        engine[keyPath: metric] = try MetricSpec.parse(text)
      } catch {
        check.problem("\(flag): \(error)")
      }
    }
    guard !given.isEmpty else { return }
    let type = CoreMetricsExtractor.descriptor.type
    let flags = given.joined(separator: ", ")
    if configured != nil, engine != known {
      check.warnings.append(
        "\(flags): the metrics of '\(name)' in the parameters of \(type) in the configuration file differ, and count")
      return
    }
    check.warnings.append(
      "\(flags): llm-d has given \(given.count == 1 ? "this flag" : "these flags") up; give engineConfigs of \(type) in the configuration file instead"
    )
    if engine != known { settings.engines.engines.append(engine) }
  }
}
