import EPPCore

/// The pool that an object of llm-d belongs to, in the namespace of the object.
package struct PoolReference: Decodable, Hashable, Sendable {
  package var group: String
  package var kind: String
  package var name: String

  package init(group: String = PoolGroup.stable.rawValue, kind: String = "InferencePool", name: String) {
    self.group = group
    self.kind = kind
    self.name = name
  }

  /// The group that the CustomResourceDefinitions of `llm-d.ai` fill in where an object states none. It has no pools.
  private static let unstatedGroup = "llm-d.ai"

  /// Whether an object with this reference belongs to a pool. One that states no group belongs to the pool of that name.
  package func names(_ pool: PoolReference) -> Bool {
    name == pool.name && kind == pool.kind && (group == pool.group || group == Self.unstatedGroup)
  }

  private enum CodingKeys: String, CodingKey { case group, kind, name }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    // The defaults of the older CustomResourceDefinitions.
    self.init(
      group: try container.decodeIfPresent(String.self, forKey: .group) ?? PoolGroup.stable.rawValue,
      kind: try container.decodeIfPresent(String.self, forKey: .kind) ?? "InferencePool",
      name: try container.decode(String.self, forKey: .name))
  }
}

/// A kind of llm-d that belongs to a pool.
package protocol PoolObject: KubernetesResource {
  /// Plural name, the same in all API groups.
  static var plural: String { get }
  var pool: PoolReference { get }
}

extension PoolObject {
  /// The kind in each API group that can serve it, the preferred one first: llm-d's own, and that of older releases.
  package static var kinds: [ResourceKind] {
    ["llm-d.ai", PoolGroup.experimental.rawValue].map {
      ResourceKind(group: $0, version: "v1alpha2", plural: plural)
    }
  }
}
