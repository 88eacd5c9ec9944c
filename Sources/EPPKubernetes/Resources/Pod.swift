/// A pod, reduced to the fields that show whether and where a model server listens.
package struct Pod: KubernetesResource {
  package var metadata: ObjectMetadata
  /// Whether the `Ready` condition is true and the pod has not ended.
  package var isReady: Bool
  /// IP literals, the primary one first; empty while the pod has no address.
  package var addresses: [String]

  package init(metadata: ObjectMetadata, isReady: Bool, addresses: [String]) {
    self.metadata = metadata
    self.isReady = isReady
    self.addresses = addresses
  }

  private enum CodingKeys: String, CodingKey { case metadata, status }

  private struct Status: Decodable {
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
    let status = try container.decodeIfPresent(Status.self, forKey: .status)
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
