import ArgumentParser

/// Flags of TLS on the ext_proc port.
package struct TLSFlags: ParsableArguments {
  private static let secure = BooleanFlag("secure-serving", default: true)
  private static let reload = BooleanFlag("enable-cert-reload", default: false)

  @Option(
    name: secure.specification, defaultAsFlag: GoBoolean(true), parsing: .next,
    help: secure.help("TLS on the ext_proc port, with a certificate made at start unless --cert-path is given"))
  var secureServing: GoBoolean?
  @Option(
    help: ArgumentHelp("Folder with tls.crt and tls.key, as a Kubernetes secret is mounted.", valueName: "folder"))
  var certPath: String?
  @Option(
    name: reload.specification, defaultAsFlag: GoBoolean(true), parsing: .next,
    help: reload.help("Take new files of --cert-path and --grpc-client-ca-file without a restart"))
  var enableCertReload: GoBoolean?
  @Option(
    help: ArgumentHelp(
      "Certificates of authorities: a gateway has to show a certificate of one.", valueName: "file"))
  var grpcClientCaFile: String?
  @Option(
    help: ArgumentHelp(
      "VersionTLS10 to VersionTLS12 are taken: 1.2 and 1.3 are served. VersionTLS13 is not supported yet.",
      valueName: "version", visibility: .hidden))
  var tlsMinVersion: String?
  @Option(help: ArgumentHelp("Has no effect: gRPC's own suites.", valueName: "names", visibility: .hidden))
  var tlsCipherSuites: [String] = []

  package init() {}

  /// Checks the flags, and returns their settings.
  func checked(_ check: inout FlagCheck) -> TLSSettings {
    let isSecure = check.boolean(secureServing, Self.secure)
    if certPath.given != nil, !isSecure {
      // llm-d's picker takes both.
      check.warnings.append("--cert-path has no effect: --secure-serving=false serves plain text")
    }
    if grpcClientCaFile.given != nil, !isSecure {
      check.problem(
        "--grpc-client-ca-file and --secure-serving=false contradict each other: leave one of them out")
    }
    if let version = tlsMinVersion.given {
      let known = ["VersionTLS10", "VersionTLS11", "VersionTLS12", "VersionTLS13"]
      if check.word(version, of: known, "--tls-min-version") == "VersionTLS13" {
        // Serving 1.2 to somebody who forbids it would be worse than not starting.
        check.problem("--tls-min-version VersionTLS13 is not supported by this version yet: TLS 1.2 and 1.3 are served")
      }
    }
    if tlsCipherSuites.contains(where: { !$0.isEmpty }) {
      check.warnings.append("--tls-cipher-suites has no effect: TLS 1.2 and 1.3 are served with gRPC's own suites")
    }
    return TLSSettings(
      isSecure: isSecure, certificateFolder: isSecure ? certPath.given : nil,
      clientAuthorityFile: grpcClientCaFile.given,
      reloads: check.boolean(enableCertReload, Self.reload))
  }
}

/// The settings of TLS, from `TLSFlags`.
package struct TLSSettings: Sendable, Equatable {
  /// Whether the ext_proc port serves TLS.
  package var isSecure: Bool
  /// The folder with `tls.crt` and `tls.key`; nil for a self-signed certificate.
  package var certificateFolder: String?
  /// The file with certificates of gateways' authorities; nil asks gateways for none.
  package var clientAuthorityFile: String?
  /// Whether changed files are taken while the process serves.
  package var reloads: Bool
}
