package import EPPCore
import Synchronization

/// Where each session's last request went. Any thread may use it: the keys are spread over shards with a lock each.
package final class SessionTable: Sendable {
  /// What became of a request with a session.
  package enum Outcome: Sendable, Equatable {
    case new
    case kept
    case moved
  }

  private struct Entry {
    var slot: EndpointSlot
    var expiry: MonotonicTime
    var owner: UInt64
  }

  private struct Shard {
    var entries: [UInt64: Entry] = [:]
    /// Keys in the order of their last use, with what has expired or been used again mixed in; cleared as it is met.
    var order: [(key: UInt64, expiry: MonotonicTime)] = []
    var orderStart = 0
    var sessionsOfOwner: [UInt64: Int] = [:]
  }

  private final class Cell: Sendable {
    let shard = Mutex(Shard())
  }

  private static let shardCount = 64
  private let cells = (0..<SessionTable.shardCount).map { _ in Cell() }
  private let timeToLive: Duration
  private let maximumPerShard: Int
  private let maximumPerOwner: Int

  package init(timeToLive: Duration, maximumSessions: Int, maximumSessionsPerAddress: Int) {
    self.timeToLive = timeToLive
    maximumPerShard = max(1, maximumSessions / Self.shardCount)
    maximumPerOwner = max(1, maximumSessionsPerAddress / Self.shardCount)
  }

  /// Sessions that are held, live or not yet swept.
  package var count: Int { cells.reduce(0) { $0 + $1.shard.withLock { $0.entries.count } } }

  /// Where the session's last request went, while that is live.
  package func slot(of session: SessionKey, now: MonotonicTime) -> EndpointSlot? {
    cell(session).shard.withLock { shard in
      guard let entry = shard.entries[session.digest], entry.expiry > now else { return nil }
      return entry.slot
    }
  }

  /// A request of the session went to an endpoint.
  package func bind(_ session: SessionKey, to slot: EndpointSlot, now: MonotonicTime) -> Outcome {
    let expiry = now.advanced(by: timeToLive)
    return cell(session).shard.withLock { shard in
      sweep(&shard, now: now)
      defer { shard.order.append((session.digest, expiry)) }
      if let old = shard.entries[session.digest] {
        shard.entries[session.digest]?.slot = slot
        shard.entries[session.digest]?.expiry = expiry
        if old.expiry <= now { return .new }
        return old.slot == slot ? .kept : .moved
      }
      while shard.entries.count >= maximumPerShard
        || shard.sessionsOfOwner[session.owner, default: 0] >= maximumPerOwner
      {
        guard dropOldest(&shard, of: shard.entries.count >= maximumPerShard ? nil : session.owner) else { break }
      }
      shard.entries[session.digest] = Entry(slot: slot, expiry: expiry, owner: session.owner)
      shard.sessionsOfOwner[session.owner, default: 0] += 1
      return .new
    }
  }

  private func cell(_ session: SessionKey) -> Cell { cells[Int(session.digest % UInt64(Self.shardCount))] }

  /// Drops a few expired entries: each use pays for the sweep of two, so that the table follows its traffic.
  private func sweep(_ shard: inout Shard, now: MonotonicTime) {
    var steps = 0
    while shard.orderStart < shard.order.count, steps < 4 {
      let (key, expiry) = shard.order[shard.orderStart]
      let isStale = shard.entries[key].map { $0.expiry != expiry } ?? true
      guard isStale || expiry <= now else { break }
      if !isStale { remove(key, from: &shard) }
      shard.orderStart += 1
      steps += 1
    }
    // Every use appends: without this a busy session would leave its whole history here.
    if shard.order.count - shard.orderStart > max(1024, 4 * shard.entries.count) || shard.orderStart > 65_536 {
      shard.order = shard.order[shard.orderStart...].filter { shard.entries[$0.key]?.expiry == $0.expiry }
      shard.orderStart = 0
    }
  }

  /// Drops the session that was used longest ago, of one owner or of any.
  private func dropOldest(_ shard: inout Shard, of owner: UInt64?) -> Bool {
    var position = shard.orderStart
    while position < shard.order.count {
      let (key, expiry) = shard.order[position]
      if let entry = shard.entries[key], entry.expiry == expiry, owner == nil || entry.owner == owner {
        remove(key, from: &shard)
        return true
      }
      position += 1
    }
    return false
  }

  private func remove(_ key: UInt64, from shard: inout Shard) {
    guard let entry = shard.entries.removeValue(forKey: key) else { return }
    let left = shard.sessionsOfOwner[entry.owner, default: 1] - 1
    shard.sessionsOfOwner[entry.owner] = left > 0 ? left : nil
  }
}

/// A session, told by a digest with a secret in it: neither ids nor addresses are kept.
package struct SessionKey: Sendable, Equatable {
  package var digest: UInt64
  /// Whose sessions are counted together: the client's address where it is known.
  package var owner: UInt64
}
