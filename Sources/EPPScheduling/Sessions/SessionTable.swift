package import EPPCore
import Synchronization

/// Where each session's last request went. Any thread may use it: sessions are spread over shards with a lock each.
///
/// Bounded in all and per client address; past a bound the session that was used longest ago goes.
package final class SessionTable: Sendable {
  /// Where a request with a session went.
  package enum Outcome: Sendable, Equatable {
    /// It had no live entry.
    case new
    /// It went where its last request went.
    case kept
    /// It went elsewhere.
    case moved
  }

  private final class Cell: Sendable {
    let shard = Mutex(SessionShard())
    /// Sessions by owner, for the owners that belong to this cell. Its lock may be taken while a shard's is held, never
    /// the other way round.
    let sessionsByOwner = Mutex<[UInt64: Int]>([:])
  }

  /// Sessions that one new session removes at most, because they have expired or are too many: more than one, so that
  /// they come to an end.
  private static let sweptPerInsertion = 4

  private let cells: [Cell]
  private let timeToLive: Duration
  private let maximumPerShard: Int
  private let maximumPerOwner: Int

  /// A table without sessions.
  ///
  /// - Parameters:
  ///   - timeToLive: how long a session outlives its last request.
  ///   - maximumSessions: in all, at least 1.
  ///   - maximumSessionsPerAddress: of one owner, at least 1.
  package init(timeToLive: Duration, maximumSessions: Int, maximumSessionsPerAddress: Int) {
    self.timeToLive = timeToLive
    // A small table in one piece: sessions are never spread so evenly that small shards would fill alike.
    let shards = maximumSessions >= 65_536 ? 64 : 1
    cells = (0..<shards).map { _ in Cell() }
    maximumPerShard = max(1, maximumSessions / shards)
    maximumPerOwner = max(1, maximumSessionsPerAddress)
  }

  /// Sessions that are held, live or not yet swept.
  package var count: Int { cells.reduce(0) { $0 + $1.shard.withLock { $0.count } } }

  /// Where the session's last request went, while that is live.
  package func slot(of session: SessionKey, now: MonotonicTime) -> EndpointSlot? {
    cell(session.digest).shard.withLock { $0.slot(of: session.digest, now: now) }
  }

  /// A request of the session went to an endpoint.
  package func bind(_ session: SessionKey, to slot: EndpointSlot, now: MonotonicTime) -> Outcome {
    let expiry = now.advanced(by: timeToLive)
    var isInserted = false
    let outcome = cell(session.digest).shard.withLock { shard in
      if let outcome = shard.renew(session.digest, to: slot, now: now, expiry: expiry) { return outcome }
      for _ in 0..<Self.sweptPerInsertion {
        let (wasRemoved, owner) = shard.removeOldest { $0 <= now }
        guard wasRemoved else { break }
        discount(owner)
      }
      if shard.count >= maximumPerShard { discount(shard.removeOldest().owner) }
      shard.insert(session, to: slot, expiry: expiry)
      isInserted = true
      return .new
    }
    if isInserted, let owner = session.owner {
      // More than one where other threads took the session that was meant to go.
      for _ in 0..<min(Self.sweptPerInsertion, max(0, count(owner) - maximumPerOwner)) { removeOldest(of: owner) }
    }
    return outcome
  }

  /// Looks at every shard: only clients past their bound pay for it.
  private func removeOldest(of owner: UInt64) {
    var oldest: (cell: Cell, expiry: MonotonicTime)?
    for cell in cells {
      guard let expiry = cell.shard.withLock({ $0.oldestExpiry(of: owner) }) else { continue }
      if oldest.map({ expiry < $0.expiry }) ?? true { oldest = (cell, expiry) }
    }
    oldest?.cell.shard.withLock { shard in
      if shard.removeOldest(of: owner) { discount(owner) }
    }
  }

  /// One session more; how many they are now.
  private func count(_ owner: UInt64) -> Int { change(owner, by: 1) }

  /// One session less.
  private func discount(_ owner: UInt64?) {
    if let owner { _ = change(owner, by: -1) }
  }

  /// May be below zero for a moment, when another thread removes a session before it is counted.
  private func change(_ owner: UInt64, by difference: Int) -> Int {
    cell(owner).sessionsByOwner.withLock { sessions in
      let count = sessions[owner, default: 0] + difference
      sessions[owner] = count == 0 ? nil : count
      return count
    }
  }

  private func cell(_ digest: UInt64) -> Cell { cells[Int(digest % UInt64(cells.count))] }
}
