import EPPCore

/// Copying to snapshots and restoring from them.
extension IndexWriter {
  /// The data-parallel ranks of an endpoint that have announced something, in ascending order.
  func announcedRanks(of slot: EndpointSlot) -> [Int] {
    guard let endpoint = endpoints[slot.index], endpoint.slot.generation == slot.generation else { return [] }
    return endpoint.caches.keys.sorted()
  }

  /// Whether several data-parallel ranks of an endpoint have announced something.
  func hasSeveralRanks(_ slot: EndpointSlot) -> Bool {
    guard endpoints[slot.index]?.slot.generation == slot.generation else { return false }
    return (endpoints[slot.index]?.caches.count ?? 0) > 1
  }

  /// The number of entries to copy; 0 when the rank has announced nothing.
  func announcedEntries(of slot: EndpointSlot, rank: Int) -> Int {
    guard endpoints[slot.index]?.slot.generation == slot.generation else { return 0 }
    return endpoints[slot.index]?.caches[rank]?.blocks.entries.count ?? 0
  }

  /// The number of entries to copy; 0 when nothing was routed to the endpoint.
  func routedEntries(of slot: EndpointSlot) -> Int {
    guard endpoints[slot.index]?.slot.generation == slot.generation else { return 0 }
    return endpoints[slot.index]?.routed.blocks.entries.count ?? 0
  }

  /// Copies what a rank has announced.
  ///
  /// - Returns: false when it has announced nothing.
  func copyAnnounced(of slot: EndpointSlot, rank: Int, into snapshot: inout AnnouncedSnapshot) -> Bool {
    guard endpoints[slot.index]?.slot.generation == slot.generation, let cache = endpoints[slot.index]?.caches[rank]
    else {
      return false
    }
    cache.copy(into: &snapshot)
    snapshot.rank = rank
    return true
  }

  /// Copies what was routed to an endpoint.
  ///
  /// - Returns: false when nothing was routed there.
  func copyRouted(of slot: EndpointSlot, into snapshot: inout RoutedSnapshot) -> Bool {
    guard let endpoint = endpoints[slot.index], endpoint.slot.generation == slot.generation,
      endpoint.routed.holder != nil
    else {
      return false
    }
    endpoint.routed.blocks.copy(into: &snapshot)
    snapshot.capacityTokens = endpoint.capacityTokens
    return true
  }

  mutating func note(_ position: EventStreamPosition?, of slot: EndpointSlot, rank: Int) {
    guard endpoints[slot.index]?.slot.generation == slot.generation else { return }
    endpoints[slot.index]?.caches[rank]?.position = position
  }

  mutating func restore(_ announcements: PrefixIndex.Announcements) {
    if !hasBlockTokens {
      news.blockTokens = announcements.blockTokens
      hasBlockTokens = true
    }
    for name in announcements.loRANames where news.loRANames.count < Self.maximumLoRANames {
      news.loRANames.insert(name)
    }
    hasNews = true
  }

  mutating func restore(
    _ snapshot: AnnouncedSnapshot, _ blocks: AnnouncedBlocks, to slot: EndpointSlot
  ) throws(IndexRestoreError) {
    guard admit(slot) else { throw .departed }
    guard endpoints[slot.index]?.caches[snapshot.rank] == nil else { throw .occupied }
    var cache = AnnouncedCache(restoring: snapshot, blocks, slot: slot)
    // It may have been written when there was more memory for it.
    let limit = announcedLimit(slot, rank: snapshot.rank)
    _ = cache.trim(limit, goal: limit, &index)
    guard cache.publish(on: snapshot.tiers, to: &index) else { throw .full }
    tableBytes += cache.sizeInBytes
    // What was announced last is in the snapshot's section of the pool, or has come since.
    if !hasBlockTokens { noteBlockTokens(of: cache) }
    if let name = cache.lastLoRAName { note(loRAName: name) }
    endpoints[slot.index]?.caches[snapshot.rank] = cache
  }

  mutating func restore(
    _ snapshot: RoutedSnapshot, _ blocks: RoutedBlocks, to slot: EndpointSlot
  ) throws(IndexRestoreError) {
    guard admit(slot), var endpoint = take(slot) else { throw .departed }
    defer { endpoints[slot.index] = endpoint }
    guard endpoint.routed.holder == nil else { throw .occupied }
    guard let holder = index.makeHolder(HolderOwner(slot: slot, residency: .routed)) else { throw .full }
    // The engine may not have reported yet how much its cache holds.
    if endpoint.capacityTokens == limits.defaultBlocks * limits.textBlockTokens, snapshot.capacityTokens > 0 {
      endpoint.capacityTokens = snapshot.capacityTokens
    }
    var blocks = blocks
    tableBytes += blocks.sizeInBytes
    shrink(&blocks, to: capacity(of: endpoint, .routed), holder)
    index.setHoles(true, of: holder)
    let keys = blocks.keys
    putIn(keys, keys.indices, holder)
    index.setHoles(false, of: holder)
    endpoint.routed = Table(blocks: blocks, holder: holder)
  }
}
