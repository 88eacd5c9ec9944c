import EPPCore

/// A part of the session table: entries in the order of their last use, and for each owner in the same order again.
struct SessionShard {
  private struct Entry {
    var digest: UInt64
    var owner: UInt64?
    var slot: EndpointSlot
    var expiry: MonotonicTime
    /// Neighbours in the order of use, of all sessions and of the owner's; `none` at the ends. Free entries are chained
    /// by `newer`.
    var older = none
    var newer = none
    var ownersOlder = none
    var ownersNewer = none
  }

  private struct Ends {
    var oldest = none
    var newest = none
  }

  private static let none: Int32 = -1

  private var entries: [Entry] = []
  private var numbers: [UInt64: Int32] = [:]
  private var firstFree = none
  private var all = Ends()
  private var owners: [UInt64: Ends] = [:]

  /// Sessions held, live or not yet swept.
  var count: Int { numbers.count }

  /// Where a session's last request went, while that is live.
  func slot(of digest: UInt64, now: MonotonicTime) -> EndpointSlot? {
    guard let number = numbers[digest], entries[Int(number)].expiry > now else { return nil }
    return entries[Int(number)].slot
  }

  /// Renews a session that is held; nil when it is not.
  mutating func renew(_ digest: UInt64, to slot: EndpointSlot, now: MonotonicTime, expiry: MonotonicTime)
    -> SessionTable
    .Outcome?
  {
    guard let number = numbers[digest] else { return nil }
    let old = entries[Int(number)]
    entries[Int(number)].slot = slot
    entries[Int(number)].expiry = expiry
    unlink(number)
    link(number)
    if old.expiry <= now { return .new }
    return old.slot == slot ? .kept : .moved
  }

  /// Enters a session that is not held.
  mutating func insert(_ session: SessionKey, to slot: EndpointSlot, expiry: MonotonicTime) {
    let entry = Entry(digest: session.digest, owner: session.owner, slot: slot, expiry: expiry)
    let number: Int32
    if firstFree >= 0 {
      number = firstFree
      firstFree = entries[Int(number)].newer
      entries[Int(number)] = entry
    } else {
      number = Int32(entries.count)
      entries.append(entry)
    }
    numbers[session.digest] = number
    link(number)
  }

  /// When the owner's least recently used session ends; nil when it has none here.
  func oldestExpiry(of owner: UInt64) -> MonotonicTime? { owners[owner].map { entries[Int($0.oldest)].expiry } }

  /// Drops the owner's least recently used session; whether there was one.
  mutating func removeOldest(of owner: UInt64) -> Bool {
    guard let ends = owners[owner] else { return false }
    remove(ends.oldest)
    return true
  }

  /// Drops the least recently used session, if `isWanted` by its expiry. Whether it did, and the session's owner.
  mutating func removeOldest(where isWanted: (MonotonicTime) -> Bool = { _ in true }) -> (
    wasRemoved: Bool, owner: UInt64?
  ) {
    guard all.oldest >= 0, isWanted(entries[Int(all.oldest)].expiry) else { return (false, nil) }
    let owner = entries[Int(all.oldest)].owner
    remove(all.oldest)
    return (true, owner)
  }

  private mutating func remove(_ number: Int32) {
    unlink(number)
    numbers[entries[Int(number)].digest] = nil
    entries[Int(number)].newer = firstFree
    firstFree = number
  }

  /// Makes an entry the most recently used.
  private mutating func link(_ number: Int32) {
    entries[Int(number)].older = all.newest
    entries[Int(number)].newer = Self.none
    if all.newest >= 0 { entries[Int(all.newest)].newer = number } else { all.oldest = number }
    all.newest = number
    guard let owner = entries[Int(number)].owner else { return }
    var ends = owners[owner] ?? Ends()
    entries[Int(number)].ownersOlder = ends.newest
    entries[Int(number)].ownersNewer = Self.none
    if ends.newest >= 0 { entries[Int(ends.newest)].ownersNewer = number } else { ends.oldest = number }
    ends.newest = number
    owners[owner] = ends
  }

  private mutating func unlink(_ number: Int32) {
    let entry = entries[Int(number)]
    if entry.older >= 0 { entries[Int(entry.older)].newer = entry.newer } else { all.oldest = entry.newer }
    if entry.newer >= 0 { entries[Int(entry.newer)].older = entry.older } else { all.newest = entry.older }
    guard let owner = entry.owner, var ends = owners[owner] else { return }
    if entry.ownersOlder >= 0 {
      entries[Int(entry.ownersOlder)].ownersNewer = entry.ownersNewer
    } else {
      ends.oldest = entry.ownersNewer
    }
    if entry.ownersNewer >= 0 {
      entries[Int(entry.ownersNewer)].ownersOlder = entry.ownersOlder
    } else {
      ends.newest = entry.ownersOlder
    }
    owners[owner] = ends.oldest >= 0 ? ends : nil
  }
}
