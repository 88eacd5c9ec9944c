/// What keeps equal tokens of different requests apart in the prefix cache.
package struct CacheNamespace: Sendable, Equatable {
  package var adapter: LoadedAdapter?
  /// Requests with different salts share nothing.
  package var salt: String?

  package init(adapter: LoadedAdapter? = nil, salt: String? = nil) {
    self.adapter = adapter
    self.salt = salt
  }

  /// A key that is hashed with a block beside its tokens.
  enum Key: Sendable, Equatable {
    case adapter(name: String, path: String)
    case salt(String)

    /// What is hashed: a name for the kind of key, then its values.
    var hashed: [String] {
      switch self {
      case .adapter(let name, let path): ["lora", name, path]
      case .salt(let salt): ["cache_salt", salt]
      }
    }

    /// What events tell: the path of an adapter is not among it, so no one else can compute the hash.
    var published: String {
      switch self {
      case .adapter(let name, _): name
      case .salt(let salt): salt
      }
    }
  }

  /// The keys of a block: the adapter counts for every block, the salt for the first one, and through its hash for all.
  func keys(ofBlock index: Int) -> [Key] {
    var keys: [Key] = []
    if let adapter { keys.append(.adapter(name: adapter.name, path: adapter.path)) }
    if let salt, index == 0 { keys.append(.salt(salt)) }
    return keys
  }
}
