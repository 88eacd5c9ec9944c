import ArgumentParser
import EPPConfiguration

/// Encryption of the ext_proc port.
struct TLSFlags: ParsableArguments {
  @Option(
    name: .customLong("secure-serving"), defaultAsFlag: GoBoolean(true), parsing: .next,
    help: ArgumentHelp(
      "TLS on the ext_proc port, with a certificate made at start unless --cert-path is given (default: true).",
      valueName: "bool"))
  var secureServing: GoBoolean?
  @Option(
    help: ArgumentHelp("Folder with tls.crt and tls.key, as a Kubernetes secret is mounted.", valueName: "folder"))
  var certPath: String?
  @Option(
    name: .customLong("enable-cert-reload"), defaultAsFlag: GoBoolean(true), parsing: .next,
    help: ArgumentHelp("Has no effect yet: restart to take a new certificate.", valueName: "bool", visibility: .hidden))
  var enableCertReload: GoBoolean?
  @Option(
    help: ArgumentHelp(
      "VersionTLS10 to VersionTLS12 are taken: 1.2 and 1.3 are served. VersionTLS13 is not supported yet.",
      valueName: "version", visibility: .hidden))
  var tlsMinVersion: String?
  @Option(help: ArgumentHelp("Has no effect: gRPC's own suites.", valueName: "names", visibility: .hidden))
  var tlsCipherSuites: [String] = []

  func apply(to options: inout ServeOptions) {
    options.secureServing = secureServing.read("--secure-serving", into: &options) ?? true
    options.certPath = certPath
    options.certReload = enableCertReload.read("--enable-cert-reload", into: &options) ?? false
    options.tlsMinimumVersion = tlsMinVersion
    options.tlsCipherSuites = tlsCipherSuites
  }
}
