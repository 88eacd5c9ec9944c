/// What an engine's messages have changed.
package struct AnnouncedCounts: Equatable, Sendable {
  /// Copies entered and taken out.
  package var stored = 0
  package var removed = 0
  /// Times the whole cache was said to be empty.
  package var cleared = 0
  /// Stored behind a block that is not known: they wait for it, or were dropped.
  package var orphaned = 0
  /// Stored before the events were followed, and found by the tokens of a prompt.
  package var adopted = 0
  /// Removed, or said to be on another tier, without being known.
  package var unknown = 0
  /// Stored in caches that do not hold whole prefixes, in another group than the one that is indexed, or in blocks of another size.
  package var notIndexed = 0
  /// Those of them on the GPU that no indexed block stands for: of another size, malformed, or in an engine that has announced no
  /// whole prefixes at all.
  package var unusable = 0
  /// Times another group took the place of the one that was indexed, and those of them in which not all that it had announced
  /// was known any more.
  package var groupChanges = 0
  package var incompleteGroupChanges = 0
  /// Not entered because the index had no memory left.
  package var refused = 0

  package init() {}
}
