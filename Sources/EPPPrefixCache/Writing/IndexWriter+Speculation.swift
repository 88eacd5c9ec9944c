import EPPCore

/// Speculative picks: blocks that the engine is expected to announce.
extension IndexWriter {
  /// Adds a speculative use that counts until `time`.
  mutating func speculate(_ tail: PickRecord.Tail, of slot: EndpointSlot, until time: MonotonicTime) {
    endpoints[slot.index]?.speculations.append(tail, until: time)
  }

  /// Sets the time until which a pick's blocks count.
  mutating func settle(_ record: PickRecord, until time: MonotonicTime) {
    settle(record.speculativeUses, of: record.slot, until: time)
  }

  private mutating func settle(_ uses: [UInt32], of slot: EndpointSlot, until time: MonotonicTime) {
    guard endpoints[slot.index]?.slot.generation == slot.generation else { return }
    for use in uses { endpoints[slot.index]?.speculations.settle(use, until: time) }
  }

  /// The time until which a use counts; nil when it does not count any more.
  func end(ofUse use: UInt32, of slot: EndpointSlot) -> MonotonicTime? {
    guard endpoints[slot.index]?.slot.generation == slot.generation else { return nil }
    return endpoints[slot.index]?.speculations.end(ofUse: use)
  }

  /// Ends uses at once.
  mutating func end(_ uses: [UInt32], of slot: EndpointSlot) {
    guard !uses.isEmpty else { return }
    settle(uses, of: slot, until: MonotonicTime(nanoseconds: 0))
    endSpeculations(at: slot.index, now: MonotonicTime(nanoseconds: 0))
  }

  /// Ends all speculative uses of an endpoint.
  mutating func endSpeculations(of slot: EndpointSlot) {
    endpoints[slot.index]?.speculations.removeAll()
    _ = change(slot, .speculative) { $0.endUses(upTo: $0.uses) }
  }

  /// Ends uses whose blocks the engine has announced, and uses whose time has passed.
  mutating func endSpeculations(now: MonotonicTime) {
    for position in endpoints.indices where endpoints[position]?.speculations.isEmpty == false {
      confirmSpeculations(at: position)
      endSpeculations(at: position, now: now)
    }
  }

  /// Ends uses whose last block the engine has announced. From then on its events alone count: the block may be evicted before
  /// the pick's answer begins.
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
