package import EPPCore

/// An endpoint as a discovery source names it. It has no slot; the store assigns one.
package struct DiscoveredEndpoint: Hashable, Sendable {
  /// The endpoint's name, unique in its namespace.
  package var name: String
  /// The endpoint's namespace; `default` without Kubernetes.
  package var namespace: String
  /// Where the gateway sends requests. Has to be an IP literal when it is passed to the store.
  package var address: EndpointAddress
  /// Where `/metrics` is read.
  package var metricsAddress: EndpointAddress
  /// Labels of the pod, or of the entry in the endpoints file.
  package var labels: [String: String]
  /// Annotations of the pod that begin with a name of llm-d or of the inference extension; empty without Kubernetes.
  package var annotations: [String: String]
  /// Data-parallel rank: the place of the endpoint's port among the target ports of its pool, from 0; 0 without Kubernetes.
  package var rank: Int
  /// ZeroMQ address of the engine's KV event publisher.
  package var kvEvents: String?
  /// ZeroMQ address of the engine's replay socket.
  package var kvReplay: String?
  /// The host name in the pod's specification; nil without one.
  package var hostname: String?
  /// The IP address of the pod's node; nil without Kubernetes.
  package var nodeAddress: String?

  /// Makes an endpoint.
  ///
  /// - Parameter metricsAddress: Where `/metrics` is read; nil stands for `address`.
  package init(
    name: String, namespace: String = "default", address: EndpointAddress, metricsAddress: EndpointAddress? = nil,
    labels: [String: String] = [:], annotations: [String: String] = [:], rank: Int = 0, kvEvents: String? = nil,
    kvReplay: String? = nil, hostname: String? = nil, nodeAddress: String? = nil
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
    self.hostname = hostname
    self.nodeAddress = nodeAddress
  }

  /// Returns the endpoint with a slot.
  ///
  /// - Parameters:
  ///   - metricsPort: The port of the metrics page, in place of that of `metricsAddress`.
  ///   - topology: The labels with the endpoint's place.
  package func endpoint(
    in slot: EndpointSlot, metricsPort: UInt16? = nil, topology: EndpointTopology.Labels = .init()
  ) -> Endpoint {
    var metricsAddress = metricsAddress
    if let metricsPort { metricsAddress.port = metricsPort }
    return Endpoint(
      name: name, namespace: namespace, address: address, metricsAddress: metricsAddress, labels: labels,
      annotations: annotations, rank: rank, kvEvents: kvEvents, kvReplay: kvReplay,
      topology: EndpointTopology(labels, topology, hostname: hostname), nodeAddress: nodeAddress, slot: slot)
  }
}

/// A defect in the description of an endpoint, because of which the endpoint or a part of the description is ignored.
package struct EndpointProblem: Error, Equatable, Sendable, CustomStringConvertible {
  /// Line of the endpoints file, from 1; nil for other sources, and where the line is not known.
  package var line: Int?
  /// What is wrong and what would be right.
  package var message: String

  package init(_ message: String, line: Int? = nil) {
    self.message = message
    self.line = line
  }

  package var description: String { line.map { "line \($0): \(message)" } ?? message }
}

/// Puts endpoints into the store beside those of flags and files.
package protocol EndpointSource: Sendable {
  /// Discovers endpoints until the task is cancelled, and leaves the last ones in the store. Called once.
  func run() async

  /// Waits until the source was read once and its endpoints (possibly none) are in the store, or until the task is cancelled.
  ///
  /// - Returns: whether the source was read.
  func waitUntilRead() async -> Bool
}
