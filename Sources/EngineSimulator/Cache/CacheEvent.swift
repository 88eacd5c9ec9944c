/// A change of the contents of the prefix cache.
package enum CacheEvent: Sendable, Equatable {
  /// Blocks of a request were added.
  case stored(StoredBlocks)
  /// A block with a hash was evicted. Other blocks may have the hash.
  case removed(BlockHash)
  /// All blocks were removed.
  case cleared
}
