/// Properties of a request that are hashed with its blocks, so that requests with other properties do not share them.
package struct CacheNamespace: Sendable, Equatable {
  /// The LoRA adapter; nil for the engine's own model.
  package var adapter: LoadedAdapter?
  /// The salt that the client sets; nil when it sets none.
  package var salt: String?

  package init(adapter: LoadedAdapter? = nil, salt: String? = nil) {
    self.adapter = adapter
    self.salt = salt
  }

  /// An extra key that is hashed with a block's tokens.
  enum Key: Sendable, Equatable {
    case adapter(name: String, path: String)
    case salt(String)

    /// The strings that are hashed: a name of the kind of key, then its values.
    var hashed: [String] {
      switch self {
      case .adapter(let name, let path): ["lora", name, path]
      case .salt(let salt): ["cache_salt", salt]
      }
    }

    /// The value in KV events. It does not include the path of an adapter, so the hash cannot be computed from events.
    var published: String {
      switch self {
      case .adapter(let name, _): name
      case .salt(let salt): salt
      }
    }
  }

  /// Returns the extra keys of a block: the adapter for every block; the salt for the first block, whose hash is part of all
  /// others.
  func keys(ofBlock index: Int) -> [Key] {
    var keys: [Key] = []
    if let adapter { keys.append(.adapter(name: adapter.name, path: adapter.path)) }
    if let salt, index == 0 { keys.append(.salt(salt)) }
    return keys
  }
}
