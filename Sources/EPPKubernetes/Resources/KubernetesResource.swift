/// An object of the Kubernetes API, reduced to the fields that are used.
package protocol KubernetesResource: Decodable, Equatable, Sendable {
  var metadata: ObjectMetadata { get }
}

extension KubernetesResource {
  /// Identity of the object among the objects of its kind.
  package var key: ObjectKey { ObjectKey(namespace: metadata.namespace, name: metadata.name) }
}

/// Namespace and name of an object, unique among the objects of one kind at one time.
package struct ObjectKey: Hashable, Sendable, CustomStringConvertible {
  package var namespace: String
  package var name: String

  package init(namespace: String, name: String) {
    self.namespace = namespace
    self.name = name
  }

  package var description: String { namespace + "/" + name }
}

/// Metadata of an object, which all kinds have.
package struct ObjectMetadata: Decodable, Equatable, Sendable {
  package var name: String
  /// Namespace; empty for cluster-scoped objects.
  package var namespace: String
  /// Opaque version of the state of all objects of the kind, from which a watch can continue; empty when the server gave none.
  package var resourceVersion: String
  package var labels: [String: String]
  package var annotations: [String: String]
  /// Whether the deletion of the object has been requested.
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
    // The object of a bookmark has only a resourceVersion.
    name = try container.decodeIfPresent(String.self, forKey: .name) ?? ""
    namespace = try container.decodeIfPresent(String.self, forKey: .namespace) ?? ""
    resourceVersion = try container.decodeIfPresent(String.self, forKey: .resourceVersion) ?? ""
    labels = try container.decodeIfPresent([String: String].self, forKey: .labels) ?? [:]
    annotations = try container.decodeIfPresent([String: String].self, forKey: .annotations) ?? [:]
    isTerminating = try container.decodeIfPresent(String.self, forKey: .deletionTimestamp) != nil
  }
}

/// A kind of object, by its names in API paths.
package struct ResourceKind: Hashable, Sendable {
  /// API group; empty for the core group.
  package var group: String
  package var version: String
  /// Plural name, such as `pods`.
  package var plural: String

  package init(group: String, version: String, plural: String) {
    self.group = group
    self.version = version
    self.plural = plural
  }

  package static let pods = ResourceKind(group: "", version: "v1", plural: "pods")

  /// Returns the API path of the kind's objects in a namespace.
  func path(namespace: String) -> String {
    let root = group.isEmpty ? "/api/\(version)" : "/apis/\(group)/\(version)"
    return "\(root)/namespaces/\(namespace)/\(plural)"
  }
}

/// The objects of a list or a watch: a kind in a namespace, limited by selectors.
package struct ResourceCollection: Hashable, Sendable {
  package var kind: ResourceKind
  package var namespace: String
  /// Label selector in the syntax of the Kubernetes API; empty selects all objects.
  package var labelSelector: String
  /// Field selector in the syntax of the Kubernetes API; empty selects all objects.
  package var fieldSelector: String

  package init(_ kind: ResourceKind, namespace: String, labelSelector: String = "", fieldSelector: String = "") {
    self.kind = kind
    self.namespace = namespace
    self.labelSelector = labelSelector
    self.fieldSelector = fieldSelector
  }
}
