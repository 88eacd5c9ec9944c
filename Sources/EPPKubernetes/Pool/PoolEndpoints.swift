package import EPPCore
package import EPPDataLayer

/// The endpoints of a pool: one for each target port of each pod that is ready and not terminating.
package struct PoolEndpoints: Sendable {
  /// Selector and target ports of a pool's pods.
  package struct Definition: Hashable, Sendable {
    package var selector: LabelSelector
    /// 1 to `PoolGroup.maximumPorts` ports. The index of a port is its data-parallel rank.
    package var targetPorts: [UInt16]

    package init(selector: LabelSelector, targetPorts: [UInt16]) {
      self.selector = selector
      self.targetPorts = targetPorts
    }

    package init(_ pool: InferencePool) {
      self.init(selector: LabelSelector(matching: pool.selector), targetPorts: pool.targetPorts)
    }
  }

  /// Annotations that limit a pod to some of the pool's ports, as numbers separated by commas. The first one that a pod has is
  /// used.
  private static let activePorts = ["llm-d.ai/active-ports", "inference.networking.k8s.io/active-ports"]
  /// Prefixes of the annotations that endpoints keep. Other annotations change often and are not used.
  private static let keptAnnotations = ["llm-d.ai/", "inference.networking.k8s.io/", "inference.networking.x-k8s.io/"]

  /// Endpoints in the order of the pods' namespaces and names, then of the target ports.
  package private(set) var endpoints: [DiscoveredEndpoint] = []
  /// Reasons why ready pods, or some of their ports, are not endpoints.
  package private(set) var problems: [EndpointProblem] = []

  private let definition: Definition
  private let ownAddresses: Set<IPAddress>

  /// Computes the endpoints of a pool.
  ///
  /// - Parameters:
  ///   - pods: Candidates; pods that the definition does not select are ignored.
  ///   - ownAddresses: Addresses of this picker, which must never send a request to itself.
  package init(_ definition: Definition, pods: some Sequence<Pod>, ownAddresses: Set<IPAddress>) {
    self.definition = definition
    self.ownAddresses = ownAddresses
    let ready = pods.filter {
      $0.isReady && !$0.metadata.isTerminating && definition.selector.matches($0.metadata.labels)
    }
    for pod in ready.sorted(by: {
      ($0.metadata.namespace, $0.metadata.name) < ($1.metadata.namespace, $1.metadata.name)
    }) {
      add(pod)
    }
  }

  private mutating func add(_ pod: Pod) {
    guard let host = usableAddress(of: pod) else { return }
    let active = activePorts(of: pod)
    let annotations = pod.metadata.annotations.filter { annotation in
      Self.keptAnnotations.contains { annotation.key.hasPrefix($0) }
    }
    for (rank, port) in definition.targetPorts.enumerated() where active?.contains(port) ?? true {
      endpoints.append(
        DiscoveredEndpoint(
          name: "\(pod.metadata.name)-rank-\(rank)", namespace: pod.metadata.namespace,
          address: EndpointAddress(host: host, port: port), labels: pod.metadata.labels, annotations: annotations,
          rank: rank, hostname: pod.hostname, nodeAddress: pod.nodeAddress))
    }
  }

  /// Returns the pod's first address that requests can be sent to; nil, with a new problem, when there is none.
  private mutating func usableAddress(of pod: Pod) -> String? {
    var refusals: [String] = []
    for text in pod.addresses {
      guard let refusal = refusal(of: text) else { return text }
      refusals.append("\(text) \(refusal)")
    }
    let reason = refusals.isEmpty ? "it has no address" : "its address " + refusals.joined(separator: ", and ")
    problems.append(EndpointProblem("pod \(pod.key) is no endpoint: \(reason)"))
    return nil
  }

  private func refusal(of text: String) -> String? {
    guard let address = IPAddress(text) else { return "is no IP address" }
    if address.isLoopback { return "is a loopback address" }
    if address.isLinkLocal { return "is a link-local address" }
    if address.isUnspecified { return "names no host" }
    if ownAddresses.contains(address) { return "is that of this picker" }
    return nil
  }

  /// Returns the ports that the pod's annotation names; nil when the pod has no such annotation.
  private mutating func activePorts(of pod: Pod) -> Set<UInt16>? {
    for name in Self.activePorts {
      guard let text = pod.metadata.annotations[name] else { continue }
      var ports: Set<UInt16> = []
      for part in text.split(separator: ",") {
        let number = part.trimmed
        if let port = UInt16(number), definition.targetPorts.contains(port) {
          ports.insert(port)
        } else {
          problems.append(
            EndpointProblem("pod \(pod.key): annotation \(name) names '\(number)', which is no target port of the pool")
          )
        }
      }
      return ports
    }
    return nil
  }
}
