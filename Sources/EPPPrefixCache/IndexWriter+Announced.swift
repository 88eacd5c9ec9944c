import EPPCore

/// What engines say of their caches.
extension IndexWriter {
  mutating func apply(_ batch: borrowing KVEventBatch, from slot: EndpointSlot, rank: Int) -> AnnouncedCounts {
    var counts = AnnouncedCounts()
    guard admit(slot) else { return counts }
    var cache = tenants[slot.index]?.caches.removeValue(forKey: rank) ?? AnnouncedCache(slot: slot)
    let bytes = limits.maximumBytes / max(1, tenantCount) / 2
    let limit = max(1, bytes / (AnnouncedBlocks.bytesPerBlock + Self.sharedBytesPerBlock))
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
    note(cache)
    tenants[slot.index]?.caches[rank] = cache
    return counts
  }

  private mutating func note(_ cache: borrowing AnnouncedCache) {
    if let blockTokens = cache.blockTokens, blockTokens != news.blockTokens {
      news.blockTokens = blockTokens
      hasNews = true
    }
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
    guard tenants[slot.index]?.slot.generation == slot.generation,
      let cache = tenants[slot.index]?.caches.removeValue(forKey: rank)
    else { return }
    forget(cache)
  }
}
