package import EPPCore

/// Which address each host name stands for, and when to ask again: a value without I/O.
package struct HostTable {
  /// From one good answer to the next question.
  package static let refreshInterval = Duration.seconds(30)
  /// A question that is asked because an endpoint does not answer comes at most this often.
  package static let shortestInterval = Duration.seconds(1)
  /// Longest pause after failures.
  package static let longestPause = Duration.seconds(5)

  private struct Entry {
    var address: String?
    var askedAt: MonotonicTime
    var backoff = Backoff(initial: HostTable.shortestInterval, ceiling: HostTable.longestPause)
  }

  private var entries: [String: Entry] = [:]

  package init() {}

  /// The hosts to ask about now. Forgets those that are not wanted any more.
  ///
  /// - Parameter isUrgent: whether an endpoint has stopped answering, so that its name may have moved.
  package mutating func due(among wanted: Set<String>, now: MonotonicTime, isUrgent: Bool) -> [String] {
    entries = entries.filter { wanted.contains($0.key) }
    return wanted.filter { host in
      guard let entry = entries[host] else { return true }
      let interval = isUrgent ? Self.shortestInterval : Self.refreshInterval
      let pause = entry.backoff.delay.map { min(interval, $0) } ?? interval
      return now >= entry.askedAt.advanced(by: pause)
    }.sorted()
  }

  /// Takes the addresses of a host; the first one counts, but an address that is still in the list is kept, so that
  /// name servers which rotate their answers do not move an endpoint. Returns whether the address has changed.
  package mutating func note(_ host: String, addresses: [String], now: MonotonicTime) -> Bool {
    let old = entries[host]?.address
    let new = old.flatMap { addresses.contains($0) ? $0 : nil } ?? addresses.first
    entries[host] = Entry(address: new ?? old, askedAt: now)
    return new != nil && new != old
  }

  /// Takes a failure; the last known address stands. Returns whether it is the first in a row.
  package mutating func noteFailure(_ host: String, now: MonotonicTime) -> Bool {
    var entry = entries[host] ?? Entry(address: nil, askedAt: now)
    let isFirst = entry.backoff.delay == nil
    entry.askedAt = now
    entry.backoff.fail()
    entries[host] = entry
    return isFirst
  }

  /// The address of a host; nil while there was no good answer.
  package func address(of host: String) -> String? { entries[host]?.address }
}
