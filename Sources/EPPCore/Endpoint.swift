/// A model server as discovery names it: its identity and addresses. Nothing in it changes between scrapes.
package struct Endpoint: Hashable, Sendable {
  /// Unique in the pool: `host:port` for `--endpoint`, the entry's `name` for an endpoints file.
  package var name: String
  /// The Kubernetes namespace, or `default` without Kubernetes. A metric label.
  package var namespace: String
  /// Where the gateway sends requests. Its text is what goes into the destination header.
  package var address: EndpointAddress
  /// Where `/metrics` is read.
  package var metricsAddress: EndpointAddress
  /// Labels of the pod, or of the entry in the endpoints file.
  package var labels: [String: String]
  /// Annotations of the pod that begin with a name of llm-d or of the inference extension; empty without Kubernetes.
  package var annotations: [String: String]
  /// Data-parallel rank: the place of the endpoint's port among the target ports of its pool, from 0; 0 without Kubernetes.
  package var rank: Int
  /// ZeroMQ address of the engine's KV event publisher, `tcp://host:port`; nil when it is not known.
  package var kvEvents: String?
  /// ZeroMQ address of the engine's replay socket, `tcp://host:port`; nil when it is not known.
  package var kvReplay: String?
  /// Where the endpoint runs.
  package var topology: EndpointTopology
  /// The IP address of the pod's node; nil without Kubernetes.
  package var nodeAddress: String?
  /// The endpoint's index in every table of the process, with a generation.
  package var slot: EndpointSlot

  /// The name of the endpoint's pod; nil without Kubernetes. An endpoint of a pod is named after it and the rank.
  package var podName: String? {
    let suffix = "-rank-\(rank)"
    return name.hasSuffix(suffix) ? String(name.dropLast(suffix.utf8.count)) : nil
  }

  package init(
    name: String, namespace: String = "default", address: EndpointAddress, metricsAddress: EndpointAddress? = nil,
    labels: [String: String] = [:], annotations: [String: String] = [:], rank: Int = 0, kvEvents: String? = nil,
    kvReplay: String? = nil, topology: EndpointTopology = EndpointTopology(), nodeAddress: String? = nil,
    slot: EndpointSlot
  ) {
    self.name = name
    self.namespace = namespace
    self.address = address
    self.metricsAddress = metricsAddress ?? address
    self.labels = labels
    self.annotations = annotations
    self.rank = rank
    self.kvEvents = kvEvents
    self.kvReplay = kvReplay
    self.topology = topology
    self.nodeAddress = nodeAddress
    self.slot = slot
  }
}
