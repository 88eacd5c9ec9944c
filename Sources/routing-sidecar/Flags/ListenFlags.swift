import ArgumentParser
import EPPConfiguration

/// Flags of the ports that clients and monitoring reach.
struct ListenFlags: ParsableArguments {
  private static let secure = BooleanFlag("secure-serving", default: true)

  @Option(help: ArgumentHelp("Port for requests; rank R of --data-parallel-size gets PORT+R.", valueName: "port"))
  var port = 8000
  @Option(help: ArgumentHelp("Address to listen on.", valueName: "address"))
  var bindAddress = "0.0.0.0"
  @Option(
    name: secure.specification, defaultAsFlag: GoBoolean(true), parsing: .next,
    help: secure.help("TLS on --port, with a certificate made at start unless --cert-path is given"))
  var secureServing: GoBoolean?
  @Option(
    help: ArgumentHelp(
      "Folder with tls.crt and tls.key, as a Kubernetes secret is mounted. New files are taken while it serves.",
      valueName: "folder"))
  var certPath: String?
  @Option(help: ArgumentHelp("Port for /metrics of the sidecar itself; 0 for none.", valueName: "port"))
  var metricsPort = 0
  @Option(help: ArgumentHelp("Folder with tls.crt and tls.key for TLS on --metrics-port.", valueName: "folder"))
  var metricsCertDir: String?
  @Option(
    help: ArgumentHelp(
      "VersionTLS12 or VersionTLS13: the oldest version of TLS that --port takes.", valueName: "version",
      visibility: .hidden))
  var tlsMinVersion: String?
  @Option(help: ArgumentHelp("Has no effect: BoringSSL's own suites.", valueName: "names", visibility: .hidden))
  var tlsCipherSuites: [String] = []
  @Option(help: ArgumentHelp("Threads; 0 for one per processor, but at most 4.", valueName: "count"))
  var threads = 0
  @Option(
    help: ArgumentHelp(
      "The time that requests get to end after SIGTERM.", valueName: "duration"))
  var drainTimeout = "30s"

  /// Checks the flags, and returns their settings.
  func checked(_ check: inout FlagCheck, cores: Int) -> ListenSettings {
    let isSecure = check.boolean(secureServing, Self.secure)
    if certPath.given != nil, !isSecure {
      // llm-d's sidecar takes both.
      check.warnings.append("--cert-path has no effect: --secure-serving=false serves plain text")
    }
    if let version = tlsMinVersion.given {
      let known = ["VersionTLS12", "VersionTLS13"]
      if check.word(version, of: known, "--tls-min-version") == "VersionTLS13" {
        check.problem("--tls-min-version VersionTLS13 is not supported by this version yet: TLS 1.2 and 1.3 are served")
      }
    }
    if tlsCipherSuites.contains(where: { !$0.isEmpty }) {
      check.warnings.append("--tls-cipher-suites has no effect: TLS 1.2 and 1.3 are served with BoringSSL's own suites")
    }
    if !(0...1024).contains(threads) { check.problem("--threads: \(threads) is not from 0 to 1024") }
    return ListenSettings(
      address: bindAddress, port: check.port(port, "--port"), isSecure: isSecure,
      certificateFolder: isSecure ? certPath.given : nil,
      metricsPort: check.port(metricsPort, "--metrics-port", mayBeZero: true),
      metricsCertificateFolder: metricsCertDir.given,
      threads: threads > 0 ? threads : min(4, cores), drainTimeout: check.duration(drainTimeout, "--drain-timeout"))
  }
}

/// The settings of `ListenFlags`.
struct ListenSettings: Equatable {
  var address: String
  /// 0 for a free port.
  var port: UInt16
  var isSecure: Bool
  /// The folder with `tls.crt` and `tls.key`; nil for a self-signed certificate.
  var certificateFolder: String?
  /// 0 for none.
  var metricsPort: UInt16
  /// The folder of the certificate of the metrics port; nil for plain text.
  var metricsCertificateFolder: String?
  var threads: Int
  var drainTimeout: Duration
}

extension FlagCheck {
  /// Reads a port. Returns 0, with a problem, for a number that is none.
  mutating func port(_ number: Int, _ flag: String, mayBeZero: Bool = true) -> UInt16 {
    guard let port = UInt16(exactly: number), mayBeZero || port > 0 else {
      problem("\(flag): \(number) is not a port (\(mayBeZero ? 0 : 1) to 65535)")
      return 0
    }
    return port
  }
}
