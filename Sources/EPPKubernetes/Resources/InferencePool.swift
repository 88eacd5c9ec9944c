package import EPPCore

/// An InferencePool of either API group: v1 of `inference.networking.k8s.io`, or v1alpha2 of `inference.networking.x-k8s.io`,
/// which has one port and a selector without `matchLabels`.
package struct InferencePool: KubernetesResource {
  /// Protocol between the gateway and the endpoints.
  package enum ApplicationProtocol: String, Sendable {
    case http
    case cleartextHTTP2 = "kubernetes.io/h2c"
  }

  /// Endpoint picker that a pool names.
  package struct Picker: Equatable, Sendable {
    /// Name of the picker's Service.
    package var name: String
    /// Port of the Service; nil when the pool names none.
    package var port: Int?
  }

  package var metadata: ObjectMetadata
  /// Labels that the pool's pods have; never empty after decoding.
  package var selector: [String: String]
  /// 1 to 8 ports in the pool's order. The index of a port is its data-parallel rank.
  package var targetPorts: [UInt16]
  /// Protocol of the endpoints; HTTP when the pool names none, or one of a later version of the API.
  package var applicationProtocol: ApplicationProtocol
  package var picker: Picker?

  package init(
    metadata: ObjectMetadata, selector: [String: String], targetPorts: [UInt16],
    applicationProtocol: ApplicationProtocol = .http, picker: Picker? = nil
  ) {
    self.metadata = metadata
    self.selector = selector
    self.targetPorts = targetPorts
    self.applicationProtocol = applicationProtocol
    self.picker = picker
  }

  private enum CodingKeys: String, CodingKey { case metadata, spec }
  private enum SpecKeys: String, CodingKey {
    case selector, targetPorts, targetPortNumber, appProtocol, endpointPickerRef, extensionRef
  }

  private struct LabelSelector: Decodable {
    var matchLabels: [String: String]
  }

  private struct Port: Decodable {
    var number: UInt16
  }

  private struct PickerReference: Decodable {
    var name: String
    /// Port of a v1 pool.
    var port: Port?
    /// Port of a v1alpha2 pool.
    var portNumber: Int?
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    metadata = try container.decode(ObjectMetadata.self, forKey: .metadata)
    let spec = try container.nestedContainer(keyedBy: SpecKeys.self, forKey: .spec)
    // In v1alpha2, `matchLabels` can be the name of a label, whose value is a string.
    if let nested = try? spec.decode(LabelSelector.self, forKey: .selector) {
      selector = nested.matchLabels
    } else {
      selector = try spec.decode([String: String].self, forKey: .selector)
    }
    guard !selector.isEmpty else {
      throw DecodingError.dataCorruptedError(
        forKey: .selector, in: spec, debugDescription: "the selector of the pool has no labels")
    }
    if spec.contains(.targetPorts) {
      targetPorts = try spec.decode([Port].self, forKey: .targetPorts).map(\.number)
    } else {
      targetPorts = [try spec.decode(UInt16.self, forKey: .targetPortNumber)]
    }
    guard (1...PoolGroup.maximumPorts).contains(targetPorts.count), !targetPorts.contains(0) else {
      throw DecodingError.dataCorruptedError(
        forKey: .targetPorts, in: spec, debugDescription: "the pool has no target port, or too many, or a port 0")
    }
    let name = try spec.decodeIfPresent(String.self, forKey: .appProtocol)
    applicationProtocol = name.flatMap(ApplicationProtocol.init(rawValue:)) ?? .http
    let reference =
      try spec.decodeIfPresent(PickerReference.self, forKey: .endpointPickerRef)
      ?? spec.decodeIfPresent(PickerReference.self, forKey: .extensionRef)
    picker = reference.map { Picker(name: $0.name, port: $0.port.map { Int($0.number) } ?? $0.portNumber) }
  }
}

extension PoolGroup {
  /// Kind of the group's pools.
  package var kind: ResourceKind {
    switch self {
    case .stable: ResourceKind(group: rawValue, version: "v1", plural: "inferencepools")
    case .experimental: ResourceKind(group: rawValue, version: "v1alpha2", plural: "inferencepools")
    }
  }
}
