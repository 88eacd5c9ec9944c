import ArgumentParser
import EPPConfiguration

/// Where engines are and how often they are asked.
struct EndpointFlags: ParsableArguments {
  @Option(
    help: ArgumentHelp("An engine; repeatable. Host names are resolved and followed.", valueName: "host:port"))
  var endpoint: [String] = []
  @Option(
    help: ArgumentHelp("File that lists engines; watched. The format of llm-d's file discovery.", valueName: "file"))
  var endpointsFile: String?
  @Option(help: ArgumentHelp("Time from one scrape of an engine to the next; at least 50ms.", valueName: "duration"))
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
      Name of the pool in its metrics (default: default). Without --endpoint, --endpoints-file or file-discovery it asks for \
      Kubernetes discovery, which is not in this version.
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

  func apply(to options: inout ServeOptions) {
    options.endpoints = endpoint
    options.endpointsFile = endpointsFile
    options.poolName = poolName
    options.endpointSelector = endpointSelector
    options.endpointTargetPorts = endpointTargetPorts
    options.refreshInterval = refreshMetricsInterval
    options.poolMetricsInterval = refreshPrometheusMetricsInterval
    options.stalenessThreshold = metricsStalenessThreshold
  }
}
