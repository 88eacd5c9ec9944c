import ArgumentParser
import EPPConfiguration
import EPPCore
import RoutingProxy

/// Flags of the engines that requests' headers may name.
struct TargetFlags: ParsableArguments {
  private static let protection = BooleanFlag("enable-ssrf-protection", default: false)

  @Option(
    help: ArgumentHelp(
      "Network whose addresses headers may name, on the ports of engines and sidecars; repeatable. Without any: those of private "
        + "networks.", valueName: "network"))
  var allowCIDR: [String] = []
  @Option(
    help: ArgumentHelp(
      "Further port that headers may name, besides --port and --model-server-port and those of the ranks; repeatable.",
      valueName: "port"))
  var allowPort: [Int] = []
  @Option(
    help: ArgumentHelp(
      "The picker's file of the same flag: headers that name engines count only with its signature.", valueName: "file")
  )
  var routingKeyFile: String?
  @Option(
    name: protection.specification, defaultAsFlag: GoBoolean(true), parsing: .next,
    help: protection.help("Headers may name the members of --inference-pool alone"))
  var enableSSRFProtection: GoBoolean?
  @Option(
    help: ArgumentHelp(
      "InferencePool, NAME or NAMESPACE/NAME (namespace: default); also by the variable INFERENCE_POOL.",
      valueName: "pool"))
  var inferencePool: String?
  @Option(
    help: ArgumentHelp(
      "API group of the pool: \(PoolGroup.allCases.map(\.rawValue).joined(separator: " or ")).", valueName: "group"))
  var poolGroup = PoolGroup.stable.rawValue
  @Option(
    help: ArgumentHelp(
      "Access to the API server; else that of the variable KUBECONFIG, or of the service account.", valueName: "file"))
  var kubeconfig: String?

  /// Checks the flags, and returns their settings.
  ///
  /// - Parameter ports: Ports of engines and sidecars.
  func checked(_ check: inout FlagCheck, ports: Set<UInt16>, environment: [String: String]) -> TargetSettings {
    let group: PoolGroup? = check.choice(poolGroup, "--pool-group")
    var networks: [IPNetwork] = []
    for text in allowCIDR.flatMap({ $0.split(separator: ",") }) {
      if let network = IPNetwork(String(text)) {
        networks.append(network)
      } else {
        check.problem("--allow-cidr: '\(text)' is not a network such as 10.0.0.0/8 or fd00::/8")
      }
    }
    var all = ports
    for number in allowPort { all.insert(check.port(number, "--allow-port", mayBeZero: false)) }
    let isProtected = check.boolean(enableSSRFProtection, Self.protection)
    let pool = isProtected ? pool(&check, group, environment) : nil
    if isProtected, !networks.isEmpty {
      check.problem("--allow-cidr and --enable-ssrf-protection both say which engines are allowed: give one of them")
    }
    if networks.isEmpty, pool == nil, routingKeyFile.given == nil, check.problems.isEmpty {
      check.warnings.append(
        "headers may name any address of private networks as a prefill engine: name the pods' network with --allow-cidr, or the "
          + "pool with --enable-ssrf-protection and --inference-pool, or take signed headers alone with --routing-key-file"
      )
    }
    return TargetSettings(
      signingKeyFile: routingKeyFile.given, networks: networks.isEmpty ? TargetPolicy.privateNetworks : networks,
      ports: all, pool: pool,
      forbidden: Set([environment["KUBERNETES_SERVICE_HOST"]].compactMap { $0.flatMap { IPAddress($0) } }))
  }

  private func pool(_ check: inout FlagCheck, _ group: PoolGroup?, _ environment: [String: String])
    -> TargetSettings.Pool?
  {
    guard let text = inferencePool.given ?? environment["INFERENCE_POOL"].given else {
      check.problem("--enable-ssrf-protection needs --inference-pool NAMESPACE/NAME, whose members are allowed")
      return nil
    }
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    guard let name = parts.last, !parts.contains(""), let group else {
      check.problem("--inference-pool: '\(text)' is neither NAME nor NAMESPACE/NAME")
      return nil
    }
    return TargetSettings.Pool(
      namespace: parts.count == 2 ? parts[0] : "default", name: name, group: group,
      kubeconfig: kubeconfig.given ?? environment["KUBECONFIG"].given)
  }
}

/// The settings of `TargetFlags`.
struct TargetSettings: Equatable {
  /// An InferencePool whose members alone are allowed.
  struct Pool: Equatable {
    var namespace: String
    var name: String
    var group: PoolGroup
    var kubeconfig: String?
  }

  /// The file with the keys of the picker's signatures; nil takes unsigned headers. What the picker signs is checked like all else.
  var signingKeyFile: String?
  var networks: [IPNetwork]
  var ports: Set<UInt16>
  /// Goes before the networks.
  var pool: Pool?
  /// Addresses that are never allowed.
  var forbidden: Set<IPAddress>

  /// The policy, until the members of a pool are known.
  var policy: TargetPolicy {
    TargetPolicy(pool == nil ? .networks(networks, ports: ports) : .members([]), forbidden: forbidden)
  }
}
