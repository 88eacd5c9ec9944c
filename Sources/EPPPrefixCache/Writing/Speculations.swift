import EPPCore

/// The speculative picks of one endpoint with the times until which they count, in the order of their uses.
struct Speculations {
  private struct Pick {
    var tail: PickRecord.Tail
    var until: MonotonicTime
  }

  /// The result of `takeEnded`.
  struct Ended {
    /// The last blocks of the picks that have ended.
    var ended: [BlockKey]
    /// The last blocks of the picks that still count.
    var left: Set<BlockKey>
    /// The first use that still counts; nil when none does.
    var oldestUse: UInt32?
  }

  /// The largest number of picks; older ones end.
  private static let maximum = 4096

  private var picks: [Pick] = []

  var isEmpty: Bool { picks.isEmpty }

  /// Adds a pick.
  mutating func append(_ tail: PickRecord.Tail, until time: MonotonicTime) {
    picks.append(Pick(tail: tail, until: time))
  }

  /// Sets the time until which a use counts.
  mutating func settle(_ use: UInt32, until time: MonotonicTime) {
    guard let position = picks.lastIndex(where: { $0.tail.use == use }) else { return }
    picks[position].until = time
  }

  /// The time until which a use counts; nil when it does not count any more.
  func end(ofUse use: UInt32) -> MonotonicTime? { picks.last { $0.tail.use == use }?.until }

  /// Removes all picks.
  mutating func removeAll() { picks.removeAll() }

  /// Ends the picks whose last block satisfies `isOver`.
  mutating func end(where isOver: (BlockKey) -> Bool) {
    for position in picks.indices where isOver(picks[position].tail.lastKey) {
      picks[position].until = MonotonicTime(nanoseconds: 0)
    }
  }

  /// Removes the picks that have ended, and the oldest ones above `maximum`; nil when there are none.
  mutating func takeEnded(now: MonotonicTime) -> Ended? {
    let surplus = max(0, picks.count - Self.maximum)
    var ended: [BlockKey] = []
    var left: [Pick] = []
    for (number, pick) in picks.enumerated() {
      if number < surplus || pick.until <= now { ended.append(pick.tail.lastKey) } else { left.append(pick) }
    }
    guard left.count < picks.count else { return nil }
    picks = left
    return Ended(ended: ended, left: Set(left.map(\.tail.lastKey)), oldestUse: left.first?.tail.use)
  }
}
