package import EPPPrefixCache

/// Measures which share of the blocks that an engine announced recently can be indexed. If most cannot, routed prompts predict
/// its cache better than its events.
package struct BlockUse {
  /// What the stream has to do after an announcement.
  package enum Consequence: Sendable, Equatable {
    case none
    /// The indexed group has changed and not all of its blocks are known: learn the cache anew, with a replay.
    case learnAnew
    /// The indexed group has changed and not all of its blocks are known, and a replay is not possible or has been tried.
    case isIncomplete
  }

  /// The fewest blocks for a verdict.
  private static let least = 64
  /// The number of blocks after which earlier blocks count half.
  private static let window = 4096

  private var indexed = 0
  private var unusable = 0
  /// Whether the cache was learned anew. Done once only: a replay with the same result would otherwise be repeated endlessly.
  private var hasLearnedAnew = false
  /// Whether most of the blocks cannot be indexed.
  package private(set) var isMostlyUnusable = false

  /// No blocks.
  package init() {}

  /// Counts announced blocks.
  ///
  /// - Parameters:
  ///   - counts: what the announcement has changed.
  ///   - hasReplay: whether the engine's replay socket is known.
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
