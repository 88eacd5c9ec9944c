package import EPPPrefixCache

/// How many of an engine's blocks can be indexed, of late: where most cannot, its events say less of its cache than what was sent
/// there does.
package struct BlockUse {
  /// Blocks after which there is a verdict.
  private static let least = 64
  /// Blocks after which what came before counts half.
  private static let window = 4096

  private var indexed = 0
  private var unusable = 0
  /// Whether most of the blocks cannot be indexed.
  package private(set) var isMostlyUnusable = false

  package init() {}

  /// An engine has announced blocks.
  package mutating func note(_ counts: AnnouncedCounts) {
    // Of what was passed over before, another group stands in the index now.
    if counts.groupChanges > 0 { (indexed, unusable) = (0, 0) }
    indexed += counts.stored + counts.orphaned
    unusable += counts.groupChanges > 0 ? 0 : counts.unusable
    guard indexed + unusable >= Self.least else { return }
    isMostlyUnusable = unusable > indexed
    if indexed + unusable > Self.window {
      indexed /= 2
      unusable /= 2
    }
  }
}
