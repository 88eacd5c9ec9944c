package import EPPPrefixCache

/// How many of an engine's blocks can be indexed, of late: where most cannot, its events say less of its cache than what was sent
/// there does.
package struct BlockUse {
  /// What follows from what was announced.
  package enum Consequence: Sendable, Equatable {
    case none
    /// Another group of blocks is indexed, not all of which are known: the cache is to be learned anew.
    case learnAnew
    /// The same, and there is no way to learn it.
    case isIncomplete
  }

  /// Blocks after which there is a verdict.
  private static let least = 64
  /// Blocks after which what came before counts half.
  private static let window = 4096

  private var indexed = 0
  private var unusable = 0
  /// Whether the cache was learned anew: once, for a replay that leads to the same would follow the other without an end.
  private var hasLearnedAnew = false
  /// Whether most of the blocks cannot be indexed.
  package private(set) var isMostlyUnusable = false

  package init() {}

  /// An engine has announced blocks.
  ///
  /// - Parameter hasReplay: whether its replay socket is known.
  @discardableResult package mutating func note(_ counts: AnnouncedCounts, hasReplay: Bool = false) -> Consequence {
    // Of what was passed over before, another group stands in the index now.
    if counts.groupChanges > 0 { (indexed, unusable) = (0, 0) }
    indexed += counts.stored + counts.orphaned
    unusable += counts.groupChanges > 0 ? 0 : counts.unusable
    if indexed + unusable >= Self.least {
      isMostlyUnusable = unusable > indexed
      if indexed + unusable > Self.window {
        indexed /= 2
        unusable /= 2
      }
    }
    guard counts.incompleteGroupChanges > 0 else { return .none }
    guard hasReplay, !hasLearnedAnew else { return .isIncomplete }
    hasLearnedAnew = true
    return .learnAnew
  }
}
