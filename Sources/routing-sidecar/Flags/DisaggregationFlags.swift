import ArgumentParser
import EPPConfiguration
import EPPCore
import RoutingProxy

/// Flags of requests whose prompt another engine computes.
struct DisaggregationFlags: ParsableArguments {
  private static let pull = BooleanFlag("enable-p2p-pull", default: false)
  private static let sampling = BooleanFlag("enable-prefiller-sampling", default: false)
  private static let speculation = BooleanFlag("enable-speculative-prefill", default: false)

  @Option(
    help: ArgumentHelp(
      "How engines pass the KV cache on: \(KVConnectorKind.allCases.map(\.rawValue).joined(separator: ", ")).",
      valueName: "name"))
  var kvConnector = KVConnectorKind.nixlv2.rawValue
  @Option(
    help: ArgumentHelp(
      "How engines that encode images, sounds and films pass on what they have made: "
        + "\(EncodeConnectorKind.allCases.map(\.rawValue).joined(separator: ", ")); without it no such engine is asked.",
      valueName: "name"))
  var ecConnector: String?
  @Option(
    help: ArgumentHelp(
      "When a prefill engine fails: local (default) has the own engine compute the prompt, error gives its error to the client. With "
        + "sglang it is always error: an engine in decode mode computes no prompts.", valueName: "choice"))
  var prefillFailure: String?
  @Option(
    help: ArgumentHelp(
      "Further attempts after a prefill engine has answered 502, 503 or 504, or could not be reached.",
      valueName: "count"))
  var prefillMaxRetries = 0
  @Option(help: ArgumentHelp("The time between attempts.", valueName: "duration"))
  var prefillRetryBackoff = "200ms"
  @Option(
    help: ArgumentHelp(
      "The time that a prefill engine has for its whole answer; 0 for any.", valueName: "duration"))
  var prefillTimeout = "2m"
  @Option(
    help: ArgumentHelp("Port of Mooncake's bootstrap server, also by MOONCAKE_BOOTSTRAP_PORT.", valueName: "port"))
  var mooncakeBootstrapPort: Int?
  @Option(
    help: ArgumentHelp("Port of SGLang's bootstrap server, also by SGLANG_BOOTSTRAP_PORT.", valueName: "port"))
  var sglangBootstrapPort: Int?
  @Option(
    help: ArgumentHelp("Port of the peer-to-peer tier of offloading, also by P2P_CONNECTOR_PORT.", valueName: "port"))
  var p2pConnectorPort: Int?
  @Option(
    name: sampling.specification, defaultAsFlag: GoBoolean(true), parsing: .next,
    help: sampling.help("Of several prefill engines in a header take one at random instead of the first"))
  var enablePrefillerSampling: GoBoolean?
  @Option(
    name: pull.specification, defaultAsFlag: GoBoolean(true), parsing: .next,
    help:
      pull.help(
        "Engines fetch blocks from peers that the picker names, which needs vLLM's OffloadingConnector beside NixlConnector; with "
          + "\(KVConnectorKind.offloading.rawValue) they always do"))
  var enableP2PPull: GoBoolean?
  @Option(
    name: speculation.specification, defaultAsFlag: GoBoolean(true), parsing: .next,
    help: speculation.help("Not supported by this version yet", visibility: .hidden))
  var enableSpeculativePrefill: GoBoolean?
  @Option(help: ArgumentHelp("Not supported by this version yet; 0 is off.", valueName: "tokens", visibility: .hidden))
  var decodeChunkSize = 0

  /// Checks the flags, and returns their settings.
  func checked(_ check: inout FlagCheck, environment: [String: String]) -> (DisaggregationSettings, samples: Bool) {
    var settings = DisaggregationSettings()
    // Charts pass an empty text for what is not set.
    let kvConnector = String?(kvConnector).given ?? KVConnectorKind.nixlv2.rawValue
    if let kind = KVConnectorKind(rawValue: kvConnector) {
      settings.connector = kind
    } else if let replacement = KVConnectorKind.replacement(of: kvConnector) {
      check.problem("--kv-connector: \(replacement)")
    } else {
      let _: KVConnectorKind? = check.choice(kvConnector, "--kv-connector")
    }
    if let text = prefillFailure.given,
      let failure: DisaggregatedRequest.PrefillFailure = check.choice(text, "--prefill-failure")
    {
      settings.failure = failure
      if failure == .local, !settings.connector.connector(settings.ports).decodesAlone {
        check.problem(
          "--prefill-failure local: with \(settings.connector.rawValue) a decode engine computes no prompts: give error, or leave it out"
        )
      }
    }
    if let text = ecConnector.given { settings.encodeConnector = check.choice(text, "--ec-connector") }
    if !(0...100).contains(prefillMaxRetries) {
      check.problem("--prefill-max-retries: \(prefillMaxRetries) is not from 0 to 100")
    }
    settings.retries = DisaggregatedRequest.Retries(
      maximum: prefillMaxRetries,
      backoff: check.duration(prefillRetryBackoff, "--prefill-retry-backoff", mayBeZero: true))
    settings.prefillTimeout = check.duration(prefillTimeout, "--prefill-timeout", mayBeZero: true)
    settings.ports.mooncakeBootstrap = port(
      &check, mooncakeBootstrapPort, "--mooncake-bootstrap-port", environment["MOONCAKE_BOOTSTRAP_PORT"], 8998)
    settings.ports.sglangBootstrap = port(
      &check, sglangBootstrapPort, "--sglang-bootstrap-port", environment["SGLANG_BOOTSTRAP_PORT"], 8998)
    settings.ports.peerToPeer = port(
      &check, p2pConnectorPort, "--p2p-connector-port", environment["P2P_CONNECTOR_PORT"], 7777)
    let pulls = check.boolean(enableP2PPull, Self.pull)
    settings.fetchesFromPeers = settings.connector.fetchesFromPeers(enabled: pulls)
    if pulls, !settings.fetchesFromPeers {
      check.warnings.append(
        "--enable-p2p-pull: has no effect, as engines with \(settings.connector.rawValue) fetch no blocks from peers")
    }
    refuseUnsupported(&check)
    let samples =
      check.given(enablePrefillerSampling, Self.sampling)
      ?? environment["ENABLE_PREFILLER_SAMPLING"].flatMap { GoBoolean(argument: $0)?.value } ?? false
    return (settings, samples)
  }

  /// Flags that would change what is asked of engines.
  private func refuseUnsupported(_ check: inout FlagCheck) {
    if check.boolean(enableSpeculativePrefill, Self.speculation) {
      check.problem("--enable-speculative-prefill is not supported by this version yet: leave it out")
    }
    if decodeChunkSize != 0 {
      check.problem("--decode-chunk-size is not supported by this version yet: leave it out, or give 0")
    }
  }

  /// A port by a flag, else by a variable, which counts for nothing where it is no port, as in llm-d.
  private func port(
    _ check: inout FlagCheck, _ number: Int?, _ flag: String, _ variable: String?, _ standard: UInt16
  ) -> UInt16 {
    if let number { return check.port(number, flag, mayBeZero: false) }
    return variable.flatMap { UInt16($0) } ?? standard
  }
}
