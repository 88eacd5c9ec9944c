import EPPCore

/// The picks of one endpoint whose blocks its engine is expected to announce, and until when they count. In the order of their
/// uses.
struct Speculations {
  private struct Pick {
    var tail: PickRecord.Tail
    var until: MonotonicTime
  }

  /// What `takeEnded` has taken out, and what is left.
  struct Ended {
    /// The last blocks of the picks that do not count any more.
    var ended: [BlockKey]
    /// Those of the others.
    var left: Set<BlockKey>
    /// The first use that counts; nil when none does.
    var oldestUse: UInt32?
  }

  /// Picks that are remembered; older ones end.
  private static let maximum = 4096

  private var picks: [Pick] = []

  var isEmpty: Bool { picks.isEmpty }

  mutating func append(_ tail: PickRecord.Tail, until time: MonotonicTime) {
    picks.append(Pick(tail: tail, until: time))
  }

  /// A use counts until this time.
  mutating func settle(_ use: UInt32, until time: MonotonicTime) {
    guard let position = picks.lastIndex(where: { $0.tail.use == use }) else { return }
    picks[position].until = time
  }

  /// Until when a use counts; nil when it does not any more.
  func end(ofUse use: UInt32) -> MonotonicTime? { picks.last { $0.tail.use == use }?.until }

  mutating func removeAll() { picks.removeAll() }

  /// The picks with such a last block are over.
  mutating func end(where isOver: (BlockKey) -> Bool) {
    for position in picks.indices where isOver(picks[position].tail.lastKey) {
      picks[position].until = MonotonicTime(nanoseconds: 0)
    }
  }

  /// Takes out what is over, and the oldest where there are too many; nil when that is nothing.
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
