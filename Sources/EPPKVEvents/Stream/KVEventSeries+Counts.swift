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
    clears.increment(by: counts.cleared)
    orphaned.increment(by: counts.orphaned)
    unknown.increment(by: counts.unknown)
    notIndexed.increment(by: counts.notIndexed)
    refused.increment(by: counts.refused)
  }
}
