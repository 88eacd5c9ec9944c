import ArgumentParser
package import EPPCore
import EPPScheduling

/// Where engines are and how often they are asked.
package struct EndpointFlags: ParsableArguments {
  private static let defaultPoolName = "default"
  /// Below this the engines would do little else; llm-d has the same floor.
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

  /// - Parameters:
  ///   - file: the configuration file; nil where there is none, or it is broken.
  ///   - isFileBroken: whether there is one that is broken: it may have named endpoints.
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

  /// At least three scrapes long: else every endpoint would be stale between two of them.
  private func stalenessThreshold(_ check: inout FlagCheck, _ interval: Duration) -> Duration {
    let threshold = check.duration(metricsStalenessThreshold, "--metrics-staleness-threshold")
    guard threshold < interval * 3 else { return threshold }
    check.warnings.append(
      "--metrics-staleness-threshold \(metricsStalenessThreshold) is raised to three times --refresh-metrics-interval")
    return interval * 3
  }
}

/// What `EndpointFlags` and the configuration file make.
package struct EndpointSettings: Sendable, Equatable {
  package var addresses: [EndpointAddress]
  /// A file that lists more of them.
  package var file: String?
  /// From one scrape of an endpoint to the next.
  package var refreshInterval: Duration
  /// Age at which metrics are stale.
  package var stalenessThreshold: Duration
  /// The label `name` of the pool's metrics.
  package var poolName: String
}
