/// A pod, reduced to the fields that show whether and where a model server listens.
package struct Pod: KubernetesResource {
  package var metadata: ObjectMetadata
  /// Whether the `Ready` condition is true and the pod has not ended.
  package var isReady: Bool
  /// IP literals, the primary one first; empty while the pod has no address.
  package var addresses: [String]
  /// The host name in the specification; nil without one.
  package var hostname: String?
  /// The IP literal of the node; nil while the pod has no node.
  package var nodeAddress: String?

  package init(
    metadata: ObjectMetadata, isReady: Bool, addresses: [String], hostname: String? = nil, nodeAddress: String? = nil
  ) {
    self.metadata = metadata
    self.isReady = isReady
    self.addresses = addresses
    self.hostname = hostname
    self.nodeAddress = nodeAddress
  }

  private enum CodingKeys: String, CodingKey { case metadata, spec, status }

  private struct Specification: Decodable {
    var hostname: String?
  }

  private struct Status: Decodable {
    var hostIP: String?
    var phase: String?
    var podIP: String?
    var podIPs: [Address]?
    var conditions: [Condition]?
  }

  private struct Address: Decodable {
    var ip: String?
  }

  private struct Condition: Decodable {
    var type: String
    var status: String
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    metadata = try container.decode(ObjectMetadata.self, forKey: .metadata)
    hostname = try container.decodeIfPresent(Specification.self, forKey: .spec)?.hostname.flatMap {
      $0.isEmpty ? nil : $0
    }
    let status = try container.decodeIfPresent(Status.self, forKey: .status)
    nodeAddress = status?.hostIP.flatMap { $0.isEmpty ? nil : $0 }
    // A pod that has ended can keep the last value of its `Ready` condition.
    let hasEnded = status?.phase == "Succeeded" || status?.phase == "Failed"
    isReady = !hasEnded && status?.conditions?.contains { $0.type == "Ready" && $0.status == "True" } ?? false
    var addresses: [String] = []
    for address in [status?.podIP] + (status?.podIPs ?? []).map(\.ip) {
      if let address, !address.isEmpty, !addresses.contains(address) { addresses.append(address) }
    }
    self.addresses = addresses
  }
}
