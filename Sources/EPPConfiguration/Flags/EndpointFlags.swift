import ArgumentParser
package import EPPCore
import EPPScheduling

/// Flags of the discovery and scraping of endpoints.
package struct EndpointFlags: ParsableArguments {
  /// The label `name` of the pool's metrics where no pool is named.
  private static let defaultPoolName = "default"
  /// Shortest time between scrapes, as in llm-d: more scrapes would take a noticeable share of an engine's time.
  private static let shortestInterval = Duration.milliseconds(50)

  @Option(
    help: ArgumentHelp("An engine; repeatable. Host names are resolved and followed.", valueName: "host:port"))
  var endpoint: [String] = []
  @Option(
    help: ArgumentHelp("File that lists engines; watched. The format of llm-d's file discovery.", valueName: "file"))
  var endpointsFile: String?
  @Option(
    help: ArgumentHelp(
      "Time from one scrape of an engine to the next; at least \(DurationText.format(shortestInterval)).",
      valueName: "duration"))
  var refreshMetricsInterval = "50ms"
  @Option(
    help: ArgumentHelp(
      "Has no effect: the pool's gauges are as fresh as the page.", valueName: "duration", visibility: .hidden))
  var refreshPrometheusMetricsInterval = "5s"
  @Option(
    help: ArgumentHelp(
      "Age at which an engine's metrics are stale: its load is then the others' mean and own requests in flight.",
      valueName: "duration"))
  var metricsStalenessThreshold = "2s"
  package init() {}

  /// Checks the flags, and returns the settings that they, `KubernetesFlags` and the configuration file make.
  ///
  /// - Parameters:
  ///   - kubernetes: The flags of Kubernetes.
  ///   - modelServer: The flags of metrics pages.
  ///   - file: The configuration file; nil when there is none, or when it is broken.
  ///   - isFileBroken: Whether the configuration file is broken; it may name endpoints, so their absence is not reported.
  ///   - environment: The environment variables of the process.
  func checked(
    _ check: inout FlagCheck, kubernetes: KubernetesFlags, modelServer: ModelServerFlags,
    file: PickerConfigurationFile?, isFileBroken: Bool, environment: [String: String]
  ) -> EndpointSettings {
    let namesEndpoints = !endpoint.isEmpty || endpointsFile.given != nil || file?.endpointsFile != nil
    let pods = kubernetes.checked(&check, namesEndpoints: namesEndpoints, environment: environment)
    if !namesEndpoints, !isFileBroken, !kubernetes.namesPods {
      check.problem(
        "no engines: name them with --endpoint HOST:PORT (repeatable) or --endpoints-file FILE, or, in Kubernetes, with "
          + "--pool-name NAME or --endpoint-selector SELECTOR")
    }
    checkFiles(&check, file)
    let addresses = addresses(&check)
    let interval = check.duration(refreshMetricsInterval, "--refresh-metrics-interval")
    if interval < Self.shortestInterval {
      check.warnings.append(
        "--refresh-metrics-interval \(refreshMetricsInterval) is raised to \(DurationText.format(Self.shortestInterval))"
      )
    }
    // Read for its mistakes alone.
    _ = check.duration(refreshPrometheusMetricsInterval, "--refresh-prometheus-metrics-interval")
    let base = max(Self.shortestInterval, interval)
    var dataLayer = modelServer.checked(&check, file: file)
    let refreshInterval = dataLayer.page.interval(base: base)
    dataLayer.round(to: base)
    return EndpointSettings(
      addresses: addresses, file: endpointsFile.given ?? file?.endpointsFile, kubernetes: pods,
      refreshInterval: refreshInterval, stalenessThreshold: stalenessThreshold(&check, refreshInterval),
      poolName: kubernetes.poolName.given ?? Self.defaultPoolName,
      dataLayer: dataLayer)
  }

  private func checkFiles(_ check: inout FlagCheck, _ file: PickerConfigurationFile?) {
    if let flag = endpointsFile.given, let named = file?.endpointsFile, flag != named {
      check.problem(
        "--endpoints-file and \(EndpointsFileSettings.descriptor.type) in the configuration file name two files: give one of "
          + "them")
    }
  }

  private func addresses(_ check: inout FlagCheck) -> [EndpointAddress] {
    var result: [EndpointAddress] = []
    for text in endpoint {
      do {
        let address = try AddressText.endpoint(text)
        if result.contains(address) {
          check.problem("--endpoint: '\(text)' is given twice")
        } else {
          result.append(address)
        }
      } catch {
        check.problem("--endpoint: \(error.message)")
      }
    }
    return result
  }

  /// Returns the staleness threshold, at least three scrape intervals: otherwise metrics could be stale between two scrapes.
  private func stalenessThreshold(_ check: inout FlagCheck, _ interval: Duration) -> Duration {
    let threshold = check.duration(metricsStalenessThreshold, "--metrics-staleness-threshold")
    guard threshold < interval * 3 else { return threshold }
    check.warnings.append(
      "--metrics-staleness-threshold \(metricsStalenessThreshold) is raised to three times the time between scrapes")
    return interval * 3
  }
}

/// The settings of discovery and scraping, from `EndpointFlags`, `KubernetesFlags` and the configuration file.
package struct EndpointSettings: Sendable, Equatable {
  /// Addresses given with `--endpoint`.
  package var addresses: [EndpointAddress]
  /// Path of the endpoints file; nil when there is none.
  package var file: String?
  /// Discovery in Kubernetes; nil when there is none.
  package var kubernetes: KubernetesSettings?
  /// Time from one scrape of an endpoint to the next.
  package var refreshInterval: Duration
  /// Age at which metrics count as stale.
  package var stalenessThreshold: Duration
  /// The label `name` of the pool's metrics.
  package var poolName: String
  /// How the endpoints' pages are read.
  package var dataLayer: DataLayerSettings
}
