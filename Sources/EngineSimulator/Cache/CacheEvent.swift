/// A change of what the prefix cache holds.
package enum CacheEvent: Sendable, Equatable {
  /// Blocks of a request were filled and can be found from now on.
  case stored(StoredBlocks)
  /// A block was given to somebody else. One of several with this hash, perhaps.
  case removed(BlockHash)
  /// Nothing can be found any more.
  case cleared
}
