/// An object of the Kubernetes API, of which only the fields that are used are decoded.
package protocol KubernetesResource: Decodable, Equatable, Sendable {
  var metadata: ObjectMetadata { get }
}

extension KubernetesResource {
  /// What tells the object from others of its kind.
  package var key: ObjectKey { ObjectKey(namespace: metadata.namespace, name: metadata.name) }
}

/// Namespace and name: unique among the objects of one kind at one time.
package struct ObjectKey: Hashable, Sendable, CustomStringConvertible {
  package var namespace: String
  package var name: String

  package init(namespace: String, name: String) {
    self.namespace = namespace
    self.name = name
  }

  package var description: String { namespace + "/" + name }
}

/// The part of an object that all kinds have.
package struct ObjectMetadata: Decodable, Equatable, Sendable {
  package var name: String
  /// Empty for objects that belong to no namespace.
  package var namespace: String
  /// Opaque: names a state of the whole kind, from which a watch can go on. Empty when the server named none.
  package var resourceVersion: String
  package var labels: [String: String]
  package var annotations: [String: String]
  /// Whether the deletion of the object has been asked for.
  package var isTerminating: Bool

  package init(
    name: String, namespace: String = "", resourceVersion: String = "", labels: [String: String] = [:],
    annotations: [String: String] = [:], isTerminating: Bool = false
  ) {
    self.name = name
    self.namespace = namespace
    self.resourceVersion = resourceVersion
    self.labels = labels
    self.annotations = annotations
    self.isTerminating = isTerminating
  }

  private enum CodingKeys: String, CodingKey {
    case name, namespace, resourceVersion, labels, annotations, deletionTimestamp
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    // A bookmark has a version and nothing else.
    name = try container.decodeIfPresent(String.self, forKey: .name) ?? ""
    namespace = try container.decodeIfPresent(String.self, forKey: .namespace) ?? ""
    resourceVersion = try container.decodeIfPresent(String.self, forKey: .resourceVersion) ?? ""
    labels = try container.decodeIfPresent([String: String].self, forKey: .labels) ?? [:]
    annotations = try container.decodeIfPresent([String: String].self, forKey: .annotations) ?? [:]
    isTerminating = try container.decodeIfPresent(String.self, forKey: .deletionTimestamp) != nil
  }
}

/// A kind of object as the API names it in paths.
package struct ResourceKind: Hashable, Sendable {
  /// Empty for the core group.
  package var group: String
  package var version: String
  /// The plural name, such as `pods`.
  package var plural: String

  package init(group: String, version: String, plural: String) {
    self.group = group
    self.version = version
    self.plural = plural
  }

  package static let pods = ResourceKind(group: "", version: "v1", plural: "pods")

  /// The path of the kind's objects in a namespace.
  func path(namespace: String) -> String {
    let root = group.isEmpty ? "/api/\(version)" : "/apis/\(group)/\(version)"
    return "\(root)/namespaces/\(namespace)/\(plural)"
  }
}

/// The objects that a list or a watch is about.
package struct ResourceCollection: Hashable, Sendable {
  package var kind: ResourceKind
  package var namespace: String
  /// In Kubernetes' syntax; empty for all.
  package var labelSelector: String
  /// In Kubernetes' syntax; empty for all.
  package var fieldSelector: String

  package init(_ kind: ResourceKind, namespace: String, labelSelector: String = "", fieldSelector: String = "") {
    self.kind = kind
    self.namespace = namespace
    self.labelSelector = labelSelector
    self.fieldSelector = fieldSelector
  }
}
