import EPPMetrics
import EPPPrefixCache

extension KVEventSeries {
  /// Counts blocks that were identified by a prompt's tokens.
  func count(adopted counts: AnnouncedCounts) {
    stored.increment(by: counts.stored)
    admissions.increment(by: counts.stored)
    adopted.increment(by: counts.adopted)
    refused.increment(by: counts.refused)
  }

  /// Counts an applied message and its effect on the index.
  func count(_ counts: AnnouncedCounts) {
    applied.increment()
    stored.increment(by: counts.stored)
    admissions.increment(by: counts.stored)
    removed.increment(by: counts.removed)
    evictions.increment(by: counts.removed)
    suppressedRemovals.increment(by: counts.removedOneOfSeveral)
    forwardedRemovals.increment(by: counts.removed - counts.removedOneOfSeveral)
    clears.increment(by: counts.cleared)
    orphaned.increment(by: counts.orphaned)
    unknown.increment(by: counts.unknown)
    notIndexed.increment(by: counts.notIndexed)
    refused.increment(by: counts.refused)
    for (kind, count) in counts.skippedStores {
      skippedStores(cacheKind: kind.rawValue, reason: kind.reasonToSkip).increment(by: count)
    }
    for (kind, count) in counts.skippedRemovals {
      skippedRemovals(cacheKind: kind.rawValue, reason: kind.reasonToSkip).increment(by: count)
    }
  }
}

extension CacheKind {
  /// The reason why events of this kind of cache are not indexed: llm-d's `unsupported_cache_kind`, and `other_group` for whole
  /// prefixes in a group other than the indexed one, which llm-d does not have.
  fileprivate var reasonToSkip: String { self == .wholePrefix ? "other_group" : "unsupported_cache_kind" }
}
