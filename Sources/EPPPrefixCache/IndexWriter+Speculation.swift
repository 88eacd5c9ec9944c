import EPPCore

/// Blocks of picks that their engine is expected to announce.
extension IndexWriter {
  /// A pick's blocks count until this time.
  mutating func settle(_ record: PickRecord, until time: MonotonicTime) {
    settle(record.speculativeUses, of: record.slot, until: time)
  }

  private mutating func settle(_ uses: [UInt32], of slot: EndpointSlot, until time: MonotonicTime) {
    guard tenants[slot.index]?.slot.generation == slot.generation,
      let all = tenants[slot.index]?.speculations.map(\.use)
    else { return }
    for (position, use) in all.enumerated() where uses.contains(use) {
      tenants[slot.index]?.speculations[position].until = time
    }
  }

  /// A pick's blocks do not count any more.
  mutating func end(_ uses: [UInt32], of slot: EndpointSlot) {
    guard !uses.isEmpty else { return }
    settle(uses, of: slot, until: MonotonicTime(nanoseconds: 0))
    endSpeculations(at: slot.index, now: MonotonicTime(nanoseconds: 0))
  }

  /// None of an endpoint's picks counts any more that has not been announced.
  mutating func endSpeculations(of slot: EndpointSlot) {
    guard let last = tenants[slot.index]?.speculations.last else { return }
    tenants[slot.index]?.speculations.removeAll()
    _ = change(slot, .speculative) { $0.endUses(upTo: last.use) }
  }

  /// Ends what is overdue: the engine has announced the blocks by now, or it never will.
  mutating func endSpeculations(now: MonotonicTime) {
    for position in tenants.indices where tenants[position] != nil { endSpeculations(at: position, now: now) }
  }

  /// The oldest use ends first, so one that is overdue waits for those before it.
  private mutating func endSpeculations(at position: Int, now: MonotonicTime) {
    guard let slot = tenants[position]?.slot, let speculations = tenants[position]?.speculations else { return }
    let overdue = speculations.prefix { $0.until <= now }.count
    let count = max(overdue, speculations.count - Self.maximumSpeculations)
    guard count > 0 else { return }
    tenants[position]?.speculations.removeFirst(count)
    _ = change(slot, .speculative) { $0.endUses(upTo: speculations[count - 1].use) }
  }
}
