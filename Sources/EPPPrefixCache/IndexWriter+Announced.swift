import EPPCore

/// What engines say of their caches.
extension IndexWriter {
  mutating func apply(
    _ batch: borrowing KVEventBatch, from slot: EndpointSlot, rank: Int, position: EventStreamPosition?
  ) -> AnnouncedCounts {
    var counts = AnnouncedCounts()
    guard admit(slot) else { return counts }
    let limit = announcedLimit(slot, rank: rank)
    var cache = tenants[slot.index]?.caches.removeValue(forKey: rank) ?? AnnouncedCache(slot: slot)
    tableBytes -= cache.blocks.sizeInBytes
    var fetched = 0
    for event in batch.events {
      switch event {
      case .cleared:
        counts.cleared += 1
        tableBytes += cache.blocks.sizeInBytes
        forget(cache)
        cache = AnnouncedCache(slot: slot)
        continue
      case .removed(let event) where event.hashes.upperBound > fetched:
        // Engines send one event for each block: what the next ones need is fetched together.
        fetched = min(batch.hashes.count, max(event.hashes.lowerBound + Self.fetchedBlocks, event.hashes.upperBound))
        cache.prefetch(batch.hashes, event.hashes.lowerBound..<fetched, index)
      case .stored(let event) where event.hashes.upperBound > fetched:
        fetched = min(batch.hashes.count, max(event.hashes.lowerBound + Self.fetchedBlocks, event.hashes.upperBound))
        cache.prefetchPlaces(batch.hashes, event.hashes.lowerBound..<fetched)
      default: break
      }
      cache.apply(event, of: batch, hasher: hasher, limit: limit, to: &index, &counts)
    }
    tableBytes += cache.blocks.sizeInBytes
    noteBlockTokens(of: cache)
    noteLoRAName(of: cache)
    cache.position = position
    tenants[slot.index]?.caches[rank] = cache
    return counts
  }

  /// Places stores that wait for a block of a prompt: `PrefixIndex.adopt`.
  mutating func adopt(_ tokens: [UInt32], _ hashes: [UInt64], from slot: EndpointSlot, rank: Int) -> AnnouncedCounts {
    var counts = AnnouncedCounts()
    let limit = announcedLimit(slot, rank: rank)
    guard tenants[slot.index]?.slot.generation == slot.generation,
      var cache = tenants[slot.index]?.caches.removeValue(forKey: rank)
    else { return counts }
    tableBytes -= cache.blocks.sizeInBytes
    cache.adopt(tokens, hashes, hasher: hasher, limit: limit, to: &index, &counts)
    tableBytes += cache.blocks.sizeInBytes
    tenants[slot.index]?.caches[rank] = cache
    return counts
  }

  /// Blocks of a cache that wait for a parent.
  func waitingBlocks(of slot: EndpointSlot, rank: Int) -> Int {
    guard tenants[slot.index]?.slot.generation == slot.generation else { return 0 }
    return tenants[slot.index]?.caches[rank]?.waiting.blockCount ?? 0
  }

  /// Blocks that may be known of a rank's cache: its part of half of its endpoint's share of the memory.
  func announcedLimit(_ slot: EndpointSlot, rank: Int) -> Int {
    let caches = tenants[slot.index]?.caches
    let ranks = (caches?.count ?? 0) + (caches?[rank] == nil ? 1 : 0)
    let bytes = limits.maximumBytes / max(1, tenantCount) / 2 / ranks
    return max(1, bytes / (AnnouncedBlocks.bytesPerBlock + Self.sharedBytesPerBlock))
  }

  mutating func noteBlockTokens(of cache: borrowing AnnouncedCache) {
    guard let blockTokens = cache.blockTokens else { return }
    hasBlockTokens = true
    guard blockTokens != news.blockTokens else { return }
    news.blockTokens = blockTokens
    hasNews = true
  }

  mutating func noteLoRAName(of cache: borrowing AnnouncedCache) {
    if let name = cache.lastLoRAName, news.loRANames.count < Self.maximumLoRANames, news.loRANames.insert(name).inserted
    {
      hasNews = true
    }
  }

  /// What engines have said of the pool as a whole since this was last asked; nil when nothing has changed.
  mutating func takeNews() -> News? {
    defer { hasNews = false }
    return hasNews ? news : nil
  }

  mutating func reset(_ slot: EndpointSlot, rank: Int) {
    guard tenants[slot.index]?.slot.generation == slot.generation else { return }
    // The engine that picks were supposed to fill is gone, or nothing is known of it.
    endSpeculations(of: slot)
    guard let cache = tenants[slot.index]?.caches.removeValue(forKey: rank) else { return }
    forget(cache)
  }
}
