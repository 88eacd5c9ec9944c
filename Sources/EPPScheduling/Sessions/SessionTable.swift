package import EPPCore
import Synchronization

/// The endpoint of each session's last request. Any thread may use it: sessions are spread over shards with a lock each.
///
/// Bounded in all and per client address; beyond a bound the least recently used session is removed. A million sessions take 94 MB
/// of memory, and 165 MB when each has a client address of its own (measured, x86-64); what sessions have taken stays with the table.
package final class SessionTable: Sendable {
  /// Where a request of a session was sent.
  package enum Outcome: Sendable, Equatable {
    /// The session had no live entry.
    case new
    /// To the endpoint of the session's last request.
    case kept
    /// To another endpoint.
    case moved
  }

  private final class Cell: Sendable {
    let shard = Mutex(SessionShard())
    /// The number of sessions of each owner that belongs to this cell. This lock may be taken while a shard's lock is held,
    /// never the other way round.
    let sessionsByOwner = Mutex<[UInt64: Int]>([:])
  }

  /// The largest number of expired or surplus sessions that are removed for one new session: more than one, so that all are
  /// removed eventually.
  private static let sweptPerInsertion = 4
  /// The largest number of expired sessions that are removed while a lock is held.
  private static let sweptPerLock = 64

  private let cells: [Cell]
  private let timeToLive: Duration
  private let maximumPerShard: Int
  private let maximumPerOwner: Int

  /// A table without sessions.
  ///
  /// - Parameters:
  ///   - timeToLive: how long a session is kept after its last request.
  ///   - maximumSessions: the largest number of sessions, at least 1.
  ///   - maximumSessionsPerAddress: the largest number of sessions of one owner, at least 1.
  package init(timeToLive: Duration, maximumSessions: Int, maximumSessionsPerAddress: Int) {
    self.timeToLive = timeToLive
    // A small table in one piece: sessions are never spread so evenly that small shards would fill alike.
    let shards = maximumSessions >= 65_536 ? 64 : 1
    cells = (0..<shards).map { _ in Cell() }
    maximumPerShard = max(1, maximumSessions / shards)
    maximumPerOwner = max(1, maximumSessionsPerAddress)
  }

  /// Sessions that are held, live or not yet removed.
  package var count: Int { cells.reduce(0) { $0 + $1.shard.withLock { $0.count } } }

  /// The slot of the session's last request; nil for a session that is unknown or expired.
  package func slot(of session: SessionKey, now: MonotonicTime) -> EndpointSlot? {
    cell(session.digest).shard.withLock { $0.slot(of: session.digest, now: now) }
  }

  /// Records that a request of the session is sent to an endpoint.
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

  /// Moves a session from the endpoint that was picked to the one that serves its request, unless it was bound to yet another one
  /// meanwhile. Its time to live does not change.
  package func move(_ session: SessionKey, from picked: EndpointSlot, to served: EndpointSlot) {
    cell(session.digest).shard.withLock { $0.move(session.digest, from: picked, to: served) }
  }

  /// The number of sessions of each slot that has any, live or not yet removed.
  package var sessionsBySlot: [EndpointSlot: Int] {
    var result: [EndpointSlot: Int] = [:]
    for cell in cells { result.merge(cell.shard.withLock { $0.sessionsBySlot }) { $0 + $1 } }
    return result
  }

  /// Removes the sessions that have ended; holds each lock for a few microseconds at a time.
  package func sweep(now: MonotonicTime) {
    for cell in cells {
      var isDone = false
      while !isDone {
        isDone = cell.shard.withLock { shard in
          for _ in 0..<Self.sweptPerLock {
            let (wasRemoved, owner) = shard.removeOldest { $0 <= now }
            guard wasRemoved else { return true }
            discount(owner)
          }
          return false
        }
      }
    }
  }

  /// Removes the owner's least recently used session. Looks at every shard, but only for clients beyond their bound.
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

  /// Counts one more session, and returns their number.
  private func count(_ owner: UInt64) -> Int { change(owner, by: 1) }

  /// Counts one session less.
  private func discount(_ owner: UInt64?) {
    if let owner { _ = change(owner, by: -1) }
  }

  /// Changes the number of an owner's sessions. It may be negative for a moment, when another thread removes a session before
  /// it is counted.
  private func change(_ owner: UInt64, by difference: Int) -> Int {
    cell(owner).sessionsByOwner.withLock { sessions in
      let count = sessions[owner, default: 0] + difference
      sessions[owner] = count == 0 ? nil : count
      return count
    }
  }

  private func cell(_ digest: UInt64) -> Cell { cells[Int(digest % UInt64(cells.count))] }
}

/// How much a session table remembers.
package struct SessionTableReport: Sendable, Equatable, Encodable {
  /// Sessions that are held, live or not yet removed.
  package let sessions: Int

  package init(sessions: Int) { self.sessions = sessions }
}
