package import EPPCore

/// The address of each host name, and when each is to be resolved again. A value without I/O.
package struct HostTable {
  /// Time from a successful look-up of a name to the next.
  package static let refreshInterval = Duration.seconds(30)
  /// Shortest time between look-ups of a name while an endpoint does not answer, and the first pause after a failure.
  package static let shortestInterval = Duration.seconds(1)
  /// Longest pause after failed look-ups.
  package static let longestPause = Duration.seconds(5)

  private struct Entry {
    var address: String?
    var askedAt: MonotonicTime
    var backoff = Backoff(initial: HostTable.shortestInterval, ceiling: HostTable.longestPause)
  }

  private var entries: [String: Entry] = [:]

  package init() {}

  /// Returns the hosts that are to be resolved now, sorted. Hosts that are not in `wanted` are forgotten.
  ///
  /// - Parameter isUrgent: Whether an endpoint has stopped answering, so that its name may have another address.
  package mutating func due(among wanted: Set<String>, now: MonotonicTime, isUrgent: Bool) -> [String] {
    entries = entries.filter { wanted.contains($0.key) }
    return wanted.filter { host in
      guard let entry = entries[host] else { return true }
      let interval = isUrgent ? Self.shortestInterval : Self.refreshInterval
      let pause = entry.backoff.delay.map { min(interval, $0) } ?? interval
      return now >= entry.askedAt.advanced(by: pause)
    }.sorted()
  }

  /// Records the addresses of a host. The known address stays while it is in the list, so that name servers which rotate their
  /// answers do not move an endpoint; else the first of the list is used. Returns whether the address has changed.
  package mutating func note(_ host: String, addresses: [String], now: MonotonicTime) -> Bool {
    let old = entries[host]?.address
    let new = old.flatMap { addresses.contains($0) ? $0 : nil } ?? addresses.first
    entries[host] = Entry(address: new ?? old, askedAt: now)
    return new != nil && new != old
  }

  /// Records a failed look-up; the last known address stays. Returns whether it is the first failure in a row.
  package mutating func noteFailure(_ host: String, now: MonotonicTime) -> Bool {
    var entry = entries[host] ?? Entry(address: nil, askedAt: now)
    let isFirst = entry.backoff.delay == nil
    entry.askedAt = now
    entry.backoff.fail()
    entries[host] = entry
    return isFirst
  }

  /// The address of a host; nil before its first successful look-up.
  package func address(of host: String) -> String? { entries[host]?.address }
}
