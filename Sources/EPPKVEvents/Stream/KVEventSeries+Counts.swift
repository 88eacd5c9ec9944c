import EPPMetrics
import EPPPrefixCache

extension KVEventSeries {
  /// Counts what the tokens of a prompt have told.
  func count(adopted counts: AnnouncedCounts) {
    stored.increment(by: counts.stored)
    adopted.increment(by: counts.adopted)
    refused.increment(by: counts.refused)
  }

  func count(_ counts: AnnouncedCounts) {
    applied.increment()
    stored.increment(by: counts.stored)
    removed.increment(by: counts.removed)
    clears.increment(by: counts.cleared)
    orphaned.increment(by: counts.orphaned)
    unknown.increment(by: counts.unknown)
    notIndexed.increment(by: counts.notIndexed)
    refused.increment(by: counts.refused)
  }
}
