import EPPCore

/// Blocks of picks that their engine is expected to announce.
extension IndexWriter {
  /// Notes a pick's speculative uses: its blocks count until this time.
  mutating func speculate(_ tail: PickRecord.Tail, of slot: EndpointSlot, until time: MonotonicTime) {
    endpoints[slot.index]?.speculations.append(tail, until: time)
  }

  /// A pick's blocks count until this time.
  mutating func settle(_ record: PickRecord, until time: MonotonicTime) {
    settle(record.speculativeUses, of: record.slot, until: time)
  }

  private mutating func settle(_ uses: [UInt32], of slot: EndpointSlot, until time: MonotonicTime) {
    guard endpoints[slot.index]?.slot.generation == slot.generation else { return }
    for use in uses { endpoints[slot.index]?.speculations.settle(use, until: time) }
  }

  /// Until when a pick's blocks count; nil when they do not any more.
  func end(ofUse use: UInt32, of slot: EndpointSlot) -> MonotonicTime? {
    guard endpoints[slot.index]?.slot.generation == slot.generation else { return nil }
    return endpoints[slot.index]?.speculations.end(ofUse: use)
  }

  /// A pick's blocks do not count any more.
  mutating func end(_ uses: [UInt32], of slot: EndpointSlot) {
    guard !uses.isEmpty else { return }
    settle(uses, of: slot, until: MonotonicTime(nanoseconds: 0))
    endSpeculations(at: slot.index, now: MonotonicTime(nanoseconds: 0))
  }

  /// None of an endpoint's picks counts any more that has not been announced.
  mutating func endSpeculations(of slot: EndpointSlot) {
    endpoints[slot.index]?.speculations.removeAll()
    _ = change(slot, .speculative) { $0.endUses(upTo: $0.uses) }
  }

  /// Ends what is confirmed, for the engine has announced the blocks, and what is overdue, for it never will.
  mutating func endSpeculations(now: MonotonicTime) {
    for position in endpoints.indices where endpoints[position]?.speculations.isEmpty == false {
      confirmSpeculations(at: position)
      endSpeculations(at: position, now: now)
    }
  }

  /// What an engine has announced is told by its events alone from now on: it may have gone again before the pick's
  /// answer begins.
  private mutating func confirmSpeculations(at position: Int) {
    guard let caches = endpoints[position]?.caches, !caches.isEmpty,
      var speculations = endpoints[position]?.speculations
    else { return }
    speculations.end { lastKey in caches.values.contains { $0.isOnGPU(lastKey, index) } }
    endpoints[position]?.speculations = speculations
  }

  private mutating func endSpeculations(at position: Int, now: MonotonicTime) {
    guard let slot = endpoints[position]?.slot, let ended = endpoints[position]?.speculations.takeEnded(now: now)
    else { return }
    _ = change(slot, .speculative) { blocks in
      // The order of uses alone does not tell: one that ended before an older one may have had blocks of both.
      if !ended.left.isEmpty { blocks.release(ended.ended, besides: ended.left) }
      // What has lost its end to make room; and all of it where none is left, for blocks are as recent as the latest
      // pick that used them, which may have ended before others.
      blocks.endUses(upTo: ended.oldestUse.map { $0 &- 1 } ?? blocks.uses)
    }
  }
}
