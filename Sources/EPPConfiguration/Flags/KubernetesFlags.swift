import ArgumentParser
package import EPPCore

/// Flags of the discovery of endpoints in Kubernetes.
package struct KubernetesFlags: ParsableArguments {
  /// The variable that names the namespace where `--pool-namespace` is not given; charts of llm-d set it.
  private static let namespaceVariable = "NAMESPACE"
  /// Target ports that a pool may have, by the schema of InferencePool v1.
  private static let portCounts = 1...8

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
    guard let target = target(&check, group, ports, namesEndpoints: namesEndpoints) else { return nil }
    return KubernetesSettings(
      target: target, namespace: poolNamespace.given ?? environment[Self.namespaceVariable].given,
      kubeconfig: kubeconfig.given ?? environment["KUBECONFIG"].given)
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
    if ports.count > Self.portCounts.upperBound {
      check.problem("\(flag): \(ports.count) ports are given; a pod has at most \(Self.portCounts.upperBound)")
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
}
