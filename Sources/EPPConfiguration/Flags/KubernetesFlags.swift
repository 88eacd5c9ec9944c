import ArgumentParser
package import EPPCore

/// Flags of the discovery of endpoints in Kubernetes.
package struct KubernetesFlags: ParsableArguments {
  /// The variable that names the namespace where `--pool-namespace` is not given; charts of llm-d set it.
  private static let namespaceVariable = "NAMESPACE"
  /// The variable that names the pod of this process, in charts of llm-d.
  private static let podVariable = "POD_NAME"
  private static let election = BooleanFlag("ha-enable-leader-election", default: false)

  @Option(
    help: ArgumentHelp(
      "InferencePool whose pods are the engines. Where --endpoint or a file names engines it is a label of metrics alone.",
      valueName: "name"))
  var poolName: String?
  @Option(
    help: ArgumentHelp(
      "Namespace of the pool and its pods; else that of the variable \(namespaceVariable), or of the service account.",
      valueName: "name"))
  var poolNamespace: String?
  @Option(
    help: ArgumentHelp(
      "API group of the pool: \(PoolGroup.allCases.map(\.rawValue).joined(separator: " or ")).", valueName: "group"))
  var poolGroup = PoolGroup.stable.rawValue
  @Option(
    help: ArgumentHelp(
      "Label selector of the pods that are the engines, such as 'app=vllm,role!=prefill'; needs no InferencePool.",
      valueName: "selector"))
  var endpointSelector: String?
  @Option(
    help: ArgumentHelp(
      "Ports of each pod of --endpoint-selector, in the order of data-parallel ranks; repeatable, or with commas.",
      valueName: "port"))
  var endpointTargetPorts: [String] = []
  @Option(
    help: ArgumentHelp(
      "Access to the API server; else that of the variable KUBECONFIG, or of the service account.",
      valueName: "file"))
  var kubeconfig: String?

  @Option(
    name: election.specification, defaultAsFlag: GoBoolean(true), parsing: .next,
    help: election.help("One replica at a time is ready, by a Lease; the others stand by"))
  var haEnableLeaderElection: GoBoolean?

  package init() {}

  /// Whether the flags say which pods are endpoints.
  var namesPods: Bool { poolName.given != nil || endpointSelector.given != nil }

  /// Checks the flags, and returns their settings; nil when Kubernetes is not asked.
  ///
  /// - Parameters:
  ///   - namesEndpoints: Whether flags or files name endpoints: the name of the pool is then a label of metrics.
  ///   - environment: The environment variables of the process.
  func checked(
    _ check: inout FlagCheck, namesEndpoints: Bool, environment: [String: String]
  ) -> KubernetesSettings? {
    let ports = targetPorts(&check)
    let group: PoolGroup? = check.choice(poolGroup, "--pool-group")
    let elects = check.boolean(haEnableLeaderElection, Self.election)
    guard let target = target(&check, group, ports, namesEndpoints: namesEndpoints) else {
      if elects, namesEndpoints {
        check.warnings.append(
          "--ha-enable-leader-election has no effect without --pool-name or --endpoint-selector alone: this process leads"
        )
      }
      return nil
    }
    let pod = environment[Self.podVariable].given
    return KubernetesSettings(
      target: target, namespace: poolNamespace.given ?? environment[Self.namespaceVariable].given,
      kubeconfig: kubeconfig.given ?? environment["KUBECONFIG"].given,
      election: elects ? electionSettings(&check, target, pod: pod) : nil)
  }

  /// Returns the settings of the election. The lease is named after the pool, or after the Deployment of this pod.
  private func electionSettings(
    _ check: inout FlagCheck, _ target: KubernetesSettings.Target, pod: String?
  ) -> ElectionSettings? {
    if case .pool(let name, _) = target { return ElectionSettings(subject: name, pod: pod) }
    // The name of a pod is that of its Deployment with two more parts.
    let parts = pod?.split(separator: "-") ?? []
    guard parts.count > 2 else {
      check.problem(
        "--ha-enable-leader-election with --endpoint-selector needs the variable \(Self.podVariable) with the name of the pod: "
          + "the lease is named after its Deployment")
      return nil
    }
    return ElectionSettings(subject: parts.dropLast(2).joined(separator: "-"), pod: pod)
  }

  private func target(
    _ check: inout FlagCheck, _ group: PoolGroup?, _ ports: [UInt16], namesEndpoints: Bool
  ) -> KubernetesSettings.Target? {
    guard let text = endpointSelector.given else {
      if endpointTargetPorts.contains(where: { !$0.isEmpty }) {
        check.warnings.append("--endpoint-target-ports has no effect without --endpoint-selector")
      }
      guard let name = poolName.given, !namesEndpoints, let group else { return nil }
      return .pool(name: name, group: group)
    }
    if namesEndpoints {
      check.problem("--endpoint-selector: engines are named by --endpoint or a file too: give one of them")
    } else if poolName.given != nil {
      check.problem("--pool-name and --endpoint-selector both say which pods are engines: give one of them")
    }
    do {
      let selector = try LabelSelector(text)
      if endpointTargetPorts.allSatisfy(\.isEmpty) {
        check.problem(
          "--endpoint-selector needs --endpoint-target-ports: the ports on which its pods serve, such as 8000")
      }
      return .pods(selector: selector, ports: ports)
    } catch {
      check.problem("--endpoint-selector: \(error)")
      return nil
    }
  }

  private func targetPorts(_ check: inout FlagCheck) -> [UInt16] {
    let flag = "--endpoint-target-ports"
    var ports: [UInt16] = []
    let given = endpointTargetPorts.filter { !$0.isEmpty }
    for text in given.flatMap({ $0.split(separator: ",", omittingEmptySubsequences: false) }) {
      guard let port = UInt16(text), port > 0 else {
        check.problem("\(flag): '\(text)' is not a port (1 to 65535)")
        continue
      }
      if ports.contains(port) { check.problem("\(flag): \(port) is given twice") }
      ports.append(port)
    }
    if ports.count > PoolGroup.maximumPorts {
      check.problem("\(flag): \(ports.count) ports are given; a pod has at most \(PoolGroup.maximumPorts)")
    }
    return ports
  }
}

/// What is discovered in Kubernetes, from `KubernetesFlags`.
package struct KubernetesSettings: Sendable, Equatable {
  /// The pods that are endpoints.
  package enum Target: Sendable, Equatable {
    /// Those of an InferencePool.
    case pool(name: String, group: PoolGroup)
    /// Those with certain labels. The position of a port is its data-parallel rank.
    case pods(selector: LabelSelector, ports: [UInt16])
  }

  package var target: Target
  /// Namespace of the pool and its pods; nil stands for the namespace of the client's configuration.
  package var namespace: String?
  /// Path of a kubeconfig; nil stands for the service account of the pod.
  package var kubeconfig: String?
  /// Election of a leader; nil when every replica serves.
  package var election: ElectionSettings?
}

/// The election of a leader.
package struct ElectionSettings: Sendable, Equatable {
  /// Name of the pool or of the Deployment, which is part of the name of the lease.
  package var subject: String
  /// Name of the pod of this process; nil when it is not known.
  package var pod: String?

  /// Returns the name of the Lease, which is that of llm-d: replicas of both take part in one election.
  package func leaseName(namespace: String) -> String { "epp-\(namespace)-\(subject).llm-d.ai" }
}
