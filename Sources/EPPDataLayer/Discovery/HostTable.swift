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
    var failuresInRow = 0
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
      var pause = isUrgent ? Self.shortestInterval : Self.refreshInterval
      if entry.failuresInRow > 0 {
        pause = min(pause, Self.longestPause, Self.shortestInterval * (1 << min(entry.failuresInRow - 1, 8)))
      }
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
    entry.askedAt = now
    entry.failuresInRow += 1
    entries[host] = entry
    return entry.failuresInRow == 1
  }

  /// The address of a host; nil while there was no good answer.
  package func address(of host: String) -> String? { entries[host]?.address }
}
