package import EPPCore

/// How scraping one endpoint goes, for the debug page and the log.
package struct EndpointHealth: Sendable {
  /// As discovery names it now.
  package var endpoint: Endpoint
  /// Finished attempts, good and bad.
  package var scrapes: UInt64 = 0
  /// Those of them that failed.
  package var errors: UInt64 = 0
  /// Since the last good one.
  package var failuresInRow = 0
  /// The newest failure, also when scrapes have worked since.
  package var lastError: ScrapeError?
  /// When that was.
  package var lastErrorAt: MonotonicTime?
  /// Whether the failures in a row are enough to call the endpoint unreachable.
  package var isUnreachable = false
  /// As the current snapshot shows it.
  package var isStale = true

  /// So many failures in a row make an endpoint unreachable: one lost scrape in a busy second is no news.
  package static let failuresToUnreachable = 3

  /// Whether metrics were ever fresh.
  package var hasBeenFresh = false

  package init(endpoint: Endpoint) { self.endpoint = endpoint }

  /// A scrape worked. Returns whether the endpoint was unreachable until now.
  mutating func noteSuccess() -> Bool {
    scrapes += 1
    failuresInRow = 0
    defer { isUnreachable = false }
    return isUnreachable
  }

  /// A scrape failed. Returns whether the endpoint has become unreachable with it.
  mutating func noteFailure(_ error: ScrapeError, at now: MonotonicTime) -> Bool {
    scrapes += 1
    errors += 1
    failuresInRow += 1
    lastError = error
    lastErrorAt = now
    guard !isUnreachable, failuresInRow >= Self.failuresToUnreachable else { return false }
    isUnreachable = true
    return true
  }
}
