/// What an engine's messages have changed in the index.
package struct AnnouncedCounts: Equatable, Sendable {
  /// Copies of blocks added.
  package var stored = 0
  /// Copies of blocks removed.
  package var removed = 0
  /// Part of `removed`: copies of blocks of which the engine has announced more copies on the same tier than it has removed.
  package var removedOneOfSeveral = 0
  /// Events that reported the whole cache empty.
  package var cleared = 0
  /// Blocks stored after an unknown parent: they wait for it, or were dropped.
  package var orphaned = 0
  /// Blocks stored before the events were followed, and identified by the tokens of a prompt.
  package var adopted = 0
  /// Blocks removed, or announced on another tier, that were not known.
  package var unknown = 0
  /// Blocks stored in a group other than the indexed one, in caches that do not hold whole prefixes, or in blocks of another
  /// size.
  package var notIndexed = 0
  /// Part of `notIndexed`: blocks on the GPU that no indexed block stands for, because they are of another size or malformed,
  /// or because the engine has announced no whole prefixes at all.
  package var unusable = 0
  /// Changes of the indexed group.
  package var groupChanges = 0
  /// Part of `groupChanges`: changes to a group whose earlier announcements were no longer all known.
  package var incompleteGroupChanges = 0
  /// Blocks not added because the index had no memory left.
  package var refused = 0
  /// Store events whose blocks are `notIndexed`, by the kind of their cache.
  package var skippedStores: [CacheKind: Int] = [:]
  /// Removal events of groups that are not indexed, by the kind of their cache; those of groups of which no store was seen are not
  /// among them.
  package var skippedRemovals: [CacheKind: Int] = [:]

  /// No changes.
  package init() {}

  /// Counts the removal of a block's copy.
  ///
  /// - Parameter copies: how many there were on its tier.
  mutating func noteRemoval(copies: UInt32) {
    if copies == 0 { unknown += 1 } else { removed += 1 }
    if copies > 1 { removedOneOfSeveral += 1 }
  }
}
