import ArgumentParser
import EPPConfiguration
import EPPCore
import RoutingProxy

/// Flags of the model server behind the sidecar, and of connections to engines.
struct EngineFlags: ParsableArguments {
  @Option(help: ArgumentHelp("Port of the model server; rank R of --data-parallel-size has PORT+R.", valueName: "port"))
  var modelServerPort = 8200
  @Option(help: ArgumentHelp("Address of the model server.", valueName: "address"))
  var modelServerHost = "127.0.0.1"
  @Option(
    help: ArgumentHelp(
      "Data-parallel ranks of the model server. The variable POD_IP has to be set, by which headers name them.",
      valueName: "count"))
  var dataParallelSize = 1
  @Option(
    help: ArgumentHelp(
      "Engines whose connections are encrypted: prefiller, decoder, encoder; repeatable, or with commas.",
      valueName: "roles"))
  var enableTLS: [String] = []
  @Option(
    help: ArgumentHelp("Engines of --enable-tls whose certificates are not checked.", valueName: "roles"))
  var tlsInsecureSkipVerify: [String] = []
  @Option(
    help: ArgumentHelp(
      "Certificates of the authorities of engines' certificates; else those of the system.", valueName: "file"))
  var engineCaFile: String?
  @Option(
    help: ArgumentHelp("Connections without a request that a thread keeps to an engine.", valueName: "count"))
  var maxIdleConnsPerHost = 32
  @Option(help: ArgumentHelp("The longest request body; longer ones get 413.", valueName: "bytes"))
  var maxRequestBytes = "64MiB"
  @Option(
    help: ArgumentHelp(
      "Memory of the bodies of requests that are disaggregated, three times their length; beyond it they get 503.",
      valueName: "bytes"))
  var maxBufferedBytes = "256MiB"

  /// Checks the flags, and returns their settings.
  func checked(_ check: inout FlagCheck, environment: [String: String]) -> EngineSettings {
    if !(1...64).contains(dataParallelSize) {
      check.problem("--data-parallel-size: \(dataParallelSize) is not from 1 to 64")
    }
    if dataParallelSize > 1, environment["POD_IP"].given == nil {
      check.warnings.append(
        "--data-parallel-size: the variable POD_IP is not set, so requests reach a rank by its port alone, and not by the header "
          + HeaderName.dataParallelHostPort)
    }
    let encrypted = roles(&check, enableTLS, "--enable-tls")
    let unchecked = roles(&check, tlsInsecureSkipVerify, "--tls-insecure-skip-verify")
    if !(0...100_000).contains(maxIdleConnsPerHost) {
      check.problem("--max-idle-conns-per-host: \(maxIdleConnsPerHost) is not from 0 to 100000")
    }
    return EngineSettings(
      address: EndpointAddress(
        host: String?(modelServerHost).given ?? "127.0.0.1",
        port: check.port(modelServerPort, "--model-server-port", mayBeZero: false)),
      ranks: min(64, max(1, dataParallelSize)), podAddress: environment["POD_IP"].given, encrypted: encrypted,
      unchecked: unchecked, authorityFile: engineCaFile.given, maximumIdleConnections: maxIdleConnsPerHost,
      maximumRequestBytes: check.bytes(maxRequestBytes, "--max-request-bytes") ?? 0,
      maximumBufferedBytes: check.bytes(maxBufferedBytes, "--max-buffered-bytes") ?? 0)
  }

  private func roles(_ check: inout FlagCheck, _ texts: [String], _ flag: String) -> Set<EngineRole> {
    var roles: Set<EngineRole> = []
    for text in texts.flatMap({ $0.split(separator: ",") }) {
      if let role: EngineRole = check.choice(String(text), flag) { roles.insert(role) }
    }
    return roles
  }
}

/// The settings of `EngineFlags`.
struct EngineSettings: Equatable {
  var address: EndpointAddress
  var ranks: Int
  /// The pod's address; nil where it is not known.
  var podAddress: String?
  /// Engines whose connections are encrypted.
  var encrypted: Set<EngineRole>
  /// Engines whose certificates are not checked.
  var unchecked: Set<EngineRole>
  /// The file with certificates of engines' authorities; nil for those of the system.
  var authorityFile: String?
  var maximumIdleConnections: Int
  var maximumRequestBytes: Int
  var maximumBufferedBytes: Int
}
