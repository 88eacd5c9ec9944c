import Crypto

/// Everything that block keys depend on: keys of different key spaces are unrelated.
package struct IndexSnapshotKeySpace: Hashable, Sendable {
  /// The id of the hash secret.
  package let seed: HashSeedID
  /// Tokens in a block of text: `PrefixIndex.Limits.textBlockTokens`.
  package let textBlockTokens: UInt32
  /// A digest of the way keys are computed, independent of the secret.
  let form: UInt64

  /// - Parameters:
  ///   - seed: the seed of the index's hasher.
  ///   - textBlockTokens: `PrefixIndex.Limits.textBlockTokens`.
  package init(seed: HashSeed, textBlockTokens: Int) {
    self.seed = HashSeedID(seed)
    self.textBlockTokens = UInt32(clamping: textBlockTokens)
    form = Self.currentForm()
  }

  /// A digest of keys of known blocks under a known secret. It changes whenever keys are computed in another way.
  private static func currentForm() -> UInt64 {
    let hasher = BlockHasher(seed: HashSeed(first: 1, second: 2))
    let block = (0..<100).map { UInt8($0) }
    let roots = [
      hasher.root(model: "model", cacheSalt: "salt"),
      hasher.root(BlockRoot(loRAName: "adapter", cacheSalt: "salt", blockTokens: 16)),
    ]
    var input = Array("warmpath block keys".utf8)
    for root in roots {
      let bytes = unsafe block.span.bytes
      let key = hasher.key(after: hasher.key(after: root, bytes, at: 0, width: 64), bytes, at: 0, width: 100)
      let extras: [ExtraKey] = [.text("text"), .item(identifier: "item", offset: 7), .bytes([1, 2, 3])]
      input.append(littleEndian: hasher.key(key, with: extras).rawValue)
    }
    return HashSeedID.word(SHA256.hash(data: input).prefix(8))
  }
}
