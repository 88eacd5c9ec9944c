/// A Lease (`coordination.k8s.io/v1`): the record of which process leads.
package struct Lease: KubernetesResource, Encodable {
  /// The record. Its times inform people; processes measure with their own clocks how long a record stays unchanged.
  package struct Spec: Codable, Equatable, Sendable {
    /// Identity of the leader; nil or empty when there is none.
    package var holderIdentity: String?
    /// Seconds without a change after which others may take the lease.
    package var leaseDurationSeconds: Int?
    /// Time when the leader took the lease: RFC 3339 with six fraction digits.
    package var acquireTime: String?
    /// Time of the last renewal, in the same form.
    package var renewTime: String?
    /// Number of changes of the leader.
    package var leaseTransitions: Int?

    package init(
      holderIdentity: String?, leaseDurationSeconds: Int?, acquireTime: String? = nil, renewTime: String? = nil,
      leaseTransitions: Int? = nil
    ) {
      self.holderIdentity = holderIdentity
      self.leaseDurationSeconds = leaseDurationSeconds
      self.acquireTime = acquireTime
      self.renewTime = renewTime
      self.leaseTransitions = leaseTransitions
    }
  }

  package static let kind = ResourceKind(group: "coordination.k8s.io", version: "v1", plural: "leases")

  package var metadata: ObjectMetadata
  package var spec: Spec

  package init(metadata: ObjectMetadata, spec: Spec) {
    self.metadata = metadata
    self.spec = spec
  }

  /// Identity of the leader; nil when there is none.
  package var holder: String? { spec.holderIdentity.flatMap { $0.isEmpty ? nil : $0 } }

  private enum CodingKeys: String, CodingKey { case apiVersion, kind, metadata, spec }
  private enum MetadataKeys: String, CodingKey { case name, namespace, resourceVersion, labels, annotations }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    metadata = try container.decode(ObjectMetadata.self, forKey: .metadata)
    spec =
      try container.decodeIfPresent(Spec.self, forKey: .spec) ?? Spec(holderIdentity: nil, leaseDurationSeconds: nil)
  }

  /// Encodes the object for the API. Labels and annotations are included, because an update would remove absent ones.
  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode("\(Self.kind.group)/\(Self.kind.version)", forKey: .apiVersion)
    try container.encode("Lease", forKey: .kind)
    var metadata = container.nestedContainer(keyedBy: MetadataKeys.self, forKey: .metadata)
    try metadata.encode(self.metadata.name, forKey: .name)
    try metadata.encode(self.metadata.namespace, forKey: .namespace)
    if !self.metadata.resourceVersion.isEmpty {
      try metadata.encode(self.metadata.resourceVersion, forKey: .resourceVersion)
    }
    if !self.metadata.labels.isEmpty { try metadata.encode(self.metadata.labels, forKey: .labels) }
    if !self.metadata.annotations.isEmpty { try metadata.encode(self.metadata.annotations, forKey: .annotations) }
    try container.encode(spec, forKey: .spec)
  }
}
