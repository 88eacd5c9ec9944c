import ArgumentParser
package import EPPCore
import EPPScheduling

/// Flags of the discovery and scraping of endpoints.
package struct EndpointFlags: ParsableArguments {
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
  @Option(
    help: ArgumentHelp(
      """
      Name of the pool in its metrics (default: \(defaultPoolName)). Without --endpoint, --endpoints-file or \
      \(EndpointsFileSettings.descriptor.type) it asks for Kubernetes discovery, which is not in this version.
      """, valueName: "name"))
  var poolName: String?
  @Option(
    help: ArgumentHelp(
      "Has no effect: no metric has the namespace of the pool.", valueName: "name", visibility: .hidden))
  var poolNamespace: String?
  @Option(
    help: ArgumentHelp("Has no effect: it belongs to Kubernetes discovery.", valueName: "group", visibility: .hidden))
  var poolGroup: String?
  @Option(
    help: ArgumentHelp(
      "Refused: Kubernetes discovery is not in this version.", valueName: "selector", visibility: .hidden))
  var endpointSelector: String?
  @Option(help: ArgumentHelp("Has no effect without --endpoint-selector.", valueName: "ports", visibility: .hidden))
  var endpointTargetPorts: [String] = []

  package init() {}

  /// Checks the flags, and returns the settings that they and the configuration file make.
  ///
  /// - Parameters:
  ///   - file: The configuration file; nil when there is none, or when it is broken.
  ///   - isFileBroken: Whether the configuration file is broken; it may name endpoints, so their absence is not reported.
  func checked(_ check: inout FlagCheck, file: PickerConfigurationFile?, isFileBroken: Bool) -> EndpointSettings {
    checkSources(&check, file: file, isFileBroken: isFileBroken)
    let addresses = addresses(&check)
    let interval = check.duration(refreshMetricsInterval, "--refresh-metrics-interval")
    if interval < Self.shortestInterval {
      check.warnings.append(
        "--refresh-metrics-interval \(refreshMetricsInterval) is raised to \(DurationText.format(Self.shortestInterval))"
      )
    }
    // Read for its mistakes alone.
    _ = check.duration(refreshPrometheusMetricsInterval, "--refresh-prometheus-metrics-interval")
    let refreshInterval = max(Self.shortestInterval, interval)
    return EndpointSettings(
      addresses: addresses, file: endpointsFile.given ?? file?.endpointsFile, refreshInterval: refreshInterval,
      stalenessThreshold: stalenessThreshold(&check, refreshInterval), poolName: poolName.given ?? Self.defaultPoolName)
  }

  private func checkSources(_ check: inout FlagCheck, file: PickerConfigurationFile?, isFileBroken: Bool) {
    let isNamed = !endpoint.isEmpty || endpointsFile.given != nil || file?.endpointsFile != nil || isFileBroken
    // Where endpoints are named, the pool's name is a label of metrics.
    let flags = [("--pool-name", isNamed ? nil : poolName.given), ("--endpoint-selector", endpointSelector.given)]
    let kubernetes = flags.filter { $0.1 != nil }.map(\.0)
    if !kubernetes.isEmpty {
      check.problem(
        "\(kubernetes.joined(separator: " and ")): Kubernetes discovery is not in this version: name the engines with "
          + "--endpoint HOST:PORT (repeatable) or --endpoints-file FILE")
    } else if !isNamed {
      check.problem("no endpoints: name the engines with --endpoint HOST:PORT (repeatable) or --endpoints-file FILE")
    }
    if kubernetes.isEmpty, !endpointTargetPorts.isEmpty {
      check.warnings.append("--endpoint-target-ports has no effect without --endpoint-selector")
    }
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
      "--metrics-staleness-threshold \(metricsStalenessThreshold) is raised to three times --refresh-metrics-interval")
    return interval * 3
  }
}

/// The settings of discovery and scraping, from `EndpointFlags` and the configuration file.
package struct EndpointSettings: Sendable, Equatable {
  /// Addresses given with `--endpoint`.
  package var addresses: [EndpointAddress]
  /// Path of the endpoints file; nil when there is none.
  package var file: String?
  /// Time from one scrape of an endpoint to the next.
  package var refreshInterval: Duration
  /// Age at which metrics count as stale.
  package var stalenessThreshold: Duration
  /// The label `name` of the pool's metrics.
  package var poolName: String
}
