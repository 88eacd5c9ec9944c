/// What became of the blocks in an engine's messages.
package struct AnnouncedCounts: Equatable, Sendable {
  /// Copies entered and taken out.
  package var stored = 0
  package var removed = 0
  /// Times the whole cache was said to be empty.
  package var cleared = 0
  /// Stored behind a block that is not known: they wait for it, or were dropped.
  package var orphaned = 0
  /// Held before anybody listened, and found by the tokens of a prompt.
  package var adopted = 0
  /// Removed, or said to be on another tier, without being known.
  package var unknown = 0
  /// Stored in caches that do not hold whole prefixes, or in blocks of another size than the engine's first ones.
  package var notIndexed = 0
  /// Not entered because the index had no memory left.
  package var refused = 0

  package init() {}

  package static func += (left: inout AnnouncedCounts, right: AnnouncedCounts) {
    left.stored += right.stored
    left.removed += right.removed
    left.cleared += right.cleared
    left.orphaned += right.orphaned
    left.adopted += right.adopted
    left.unknown += right.unknown
    left.notIndexed += right.notIndexed
    left.refused += right.refused
  }
}
