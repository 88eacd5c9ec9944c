package import EPPCore
package import EPPDataLayer

/// Which endpoints a pool has, given its pods: each target port of each pod that is ready and not terminating is one.
package struct PoolEndpoints: Sendable {
  /// Target ports that a pool may have.
  package static let maximumPorts = 8

  /// What selects the pods of a pool, and where they listen.
  package struct Definition: Hashable, Sendable {
    package var selector: LabelSelector
    /// 1 to `maximumPorts`; the place of a port is its data-parallel rank.
    package var targetPorts: [UInt16]

    package init(selector: LabelSelector, targetPorts: [UInt16]) {
      self.selector = selector
      self.targetPorts = targetPorts
    }

    package init(_ pool: InferencePool) {
      self.init(selector: LabelSelector(matching: pool.selector), targetPorts: pool.targetPorts)
    }
  }

  /// Limits a pod to some of the pool's ports: numbers, separated by commas. The first name that is there counts.
  private static let activePorts = ["llm-d.ai/active-ports", "inference.networking.k8s.io/active-ports"]
  /// Annotations whose name begins with one of these are kept; others change often and mean nothing here.
  private static let keptAnnotations = ["llm-d.ai/", "inference.networking.k8s.io/", "inference.networking.x-k8s.io/"]

  /// In the order of the pods' names and ports.
  package private(set) var endpoints: [DiscoveredEndpoint] = []
  /// What keeps ready pods, or some of their ports, from being endpoints.
  package private(set) var problems: [EndpointProblem] = []

  private let definition: Definition
  private let ownAddresses: Set<IPAddress>

  /// - Parameters:
  ///   - pods: those of other labels are left out.
  ///   - ownAddresses: of the picker itself, which must never send a request to itself.
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
          rank: rank))
    }
  }

  /// The first address that requests may be sent to.
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

  /// The ports that the pod's annotation names; nil where there is none.
  private mutating func activePorts(of pod: Pod) -> Set<UInt16>? {
    for name in Self.activePorts {
      guard let text = pod.metadata.annotations[name] else { continue }
      var ports: Set<UInt16> = []
      for part in text.split(separator: ",") {
        let number = String(part).trimmed
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
