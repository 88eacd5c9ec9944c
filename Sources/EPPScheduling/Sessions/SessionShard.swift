import EPPCore

/// A part of the session table. Its entries are linked in the order of their last use, and those of each owner again in that
/// order.
struct SessionShard {
  private struct Entry {
    var digest: UInt64
    var owner: UInt64?
    var slot: EndpointSlot
    var expiry: MonotonicTime
    /// The entry used before it, of all sessions; `none` at the end.
    var older = none
    /// The entry used after it, of all sessions; `none` at the end. In a free entry: the next free one.
    var newer = none
    /// The entry used before it, of the owner's sessions; `none` at the end.
    var ownersOlder = none
    /// The entry used after it, of the owner's sessions; `none` at the end.
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
  /// The number of sessions of each slot that has any.
  private(set) var sessionsBySlot: [EndpointSlot: Int] = [:]

  /// Sessions held, live or not yet removed.
  var count: Int { numbers.count }

  /// The slot of the session's last request; nil for a session that is unknown or expired.
  func slot(of digest: UInt64, now: MonotonicTime) -> EndpointSlot? {
    guard let number = numbers[digest], entries[Int(number)].expiry > now else { return nil }
    return entries[Int(number)].slot
  }

  /// Updates a session that is held; nil when it is not.
  mutating func renew(_ digest: UInt64, to slot: EndpointSlot, now: MonotonicTime, expiry: MonotonicTime)
    -> SessionTable
    .Outcome?
  {
    guard let number = numbers[digest] else { return nil }
    let old = entries[Int(number)]
    entries[Int(number)].expiry = expiry
    unlink(number)
    link(number)
    place(number, at: slot)
    if old.expiry <= now { return .new }
    return old.slot == slot ? .kept : .moved
  }

  /// Moves a session from one slot to another; does nothing when it is not held, or bound to another slot by now.
  mutating func move(_ digest: UInt64, from: EndpointSlot, to slot: EndpointSlot) {
    guard let number = numbers[digest], entries[Int(number)].slot == from else { return }
    place(number, at: slot)
  }

  private mutating func place(_ number: Int32, at slot: EndpointSlot) {
    let old = entries[Int(number)].slot
    guard old != slot else { return }
    count(old, by: -1)
    count(slot, by: 1)
    entries[Int(number)].slot = slot
  }

  private mutating func count(_ slot: EndpointSlot, by difference: Int) {
    let count = sessionsBySlot[slot, default: 0] + difference
    sessionsBySlot[slot] = count == 0 ? nil : count
  }

  /// Adds a session that is not held.
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
    count(slot, by: 1)
  }

  /// The expiry of the owner's least recently used session; nil when it has none here.
  func oldestExpiry(of owner: UInt64) -> MonotonicTime? { owners[owner].map { entries[Int($0.oldest)].expiry } }

  /// Removes the owner's least recently used session; returns whether there was one.
  mutating func removeOldest(of owner: UInt64) -> Bool {
    guard let ends = owners[owner] else { return false }
    remove(ends.oldest)
    return true
  }

  /// Removes the least recently used session, if `isWanted` is true for its expiry.
  ///
  /// - Returns: whether it was removed, and its owner.
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
    count(entries[Int(number)].slot, by: -1)
    numbers[entries[Int(number)].digest] = nil
    entries[Int(number)].newer = firstFree
    firstFree = number
  }

  /// Makes an entry the most recently used one.
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
