import EPPCore

/// Applying engines' events.
extension IndexWriter {
  /// Applies a batch of events: `PrefixIndex.apply`.
  mutating func apply(
    _ batch: borrowing KVEventBatch, from slot: EndpointSlot, rank: Int, position: EventStreamPosition?
  ) -> AnnouncedCounts {
    var counts = AnnouncedCounts()
    guard admit(slot) else { return counts }
    let limit = announcedLimit(slot, rank: rank)
    let namedSize = endpoints[slot.index]?.namedBlockTokens
    var cache = endpoints[slot.index]?.caches.removeValue(forKey: rank) ?? AnnouncedCache(slot: slot)
    tableBytes -= cache.sizeInBytes
    var fetched = 0
    var loRAName = cache.lastLoRAName
    for event in batch.events {
      switch event {
      case .cleared:
        counts.cleared += 1
        tableBytes += cache.sizeInBytes
        forget(cache)
        cache = AnnouncedCache(slot: slot)
        endSpeculations(of: slot)
        // An engine that clears its cache all the time leaves no more behind than is swept away.
        sweepOn(atLeast: Self.sweptPerClearing)
      case .removed(let event):
        // Engines send one event for each block: what the next ones need is fetched together.
        if event.hashes.upperBound > fetched {
          fetched = fetchEnd(event.hashes, batch)
          cache.prefetch(batch.hashes, event.hashes.lowerBound..<fetched, index)
        }
        cache.remove(event, batch.hashes, &index, &counts)
      case .stored(let event):
        if event.hashes.upperBound > fetched {
          fetched = fetchEnd(event.hashes, batch)
          cache.prefetchPlaces(batch.hashes, event.hashes.lowerBound..<fetched)
        }
        cache.store(event, batch.hashes, batch.tokens, hasher, limit, namedSize: namedSize, &index, &counts)
        if let successor = cache.successor { change(&cache, to: successor, limit, &counts) }
        if let name = cache.lastLoRAName, name != loRAName {
          loRAName = name
          note(loRAName: name)
        }
      }
    }
    tableBytes += cache.sizeInBytes
    noteBlockTokens(of: cache)
    cache.position = position
    endpoints[slot.index]?.caches[rank] = cache
    return counts
  }

  /// Changes the indexed group: what is known of the new one replaces what was known of the old one.
  private mutating func change(
    _ cache: inout AnnouncedCache, to successor: OtherGroups.Successor, _ limit: Int, _ counts: inout AnnouncedCounts
  ) {
    counts.groupChanges += 1
    let namedSize = endpoints[cache.slot.index]?.namedBlockTokens
    let before = cache
    cache = before.succeeded(by: successor)
    tableBytes += before.sizeInBytes
    forget(before)
    guard let log = successor.log else {
      counts.incompleteGroupChanges += 1
      return
    }
    for event in log {
      switch event {
      case .stored(let event, let hashes, let tokens):
        cache.store(event, hashes, tokens, hasher, limit, namedSize: namedSize, &index, &counts)
      case .removed(let event, let hashes):
        cache.remove(event, hashes, &index, &counts)
      }
    }
  }

  /// The end of the hashes to prefetch from `hashes` on.
  private func fetchEnd(_ hashes: Range<Int>, _ batch: borrowing KVEventBatch) -> Int {
    min(batch.hashes.count, max(hashes.lowerBound + Self.fetchedBlocks, hashes.upperBound))
  }

  /// Places stores that wait for a block of a prompt: `PrefixIndex.adopt`.
  mutating func adopt(_ tokens: [UInt32], _ hashes: [UInt64], from slot: EndpointSlot, rank: Int) -> AnnouncedCounts {
    var counts = AnnouncedCounts()
    let limit = announcedLimit(slot, rank: rank)
    guard endpoints[slot.index]?.slot.generation == slot.generation,
      var cache = endpoints[slot.index]?.caches.removeValue(forKey: rank)
    else { return counts }
    tableBytes -= cache.sizeInBytes
    cache.adopt(tokens, hashes, hasher: hasher, limit: limit, to: &index, &counts)
    tableBytes += cache.sizeInBytes
    endpoints[slot.index]?.caches[rank] = cache
    return counts
  }

  /// Blocks of a cache that wait for an unknown parent.
  func waitingBlocks(of slot: EndpointSlot, rank: Int) -> Int {
    guard endpoints[slot.index]?.slot.generation == slot.generation else { return 0 }
    return endpoints[slot.index]?.caches[rank]?.waiting.blockCount ?? 0
  }

  /// The largest number of blocks that may be known of a rank's cache: half of its endpoint's share of the memory, divided by
  /// the endpoint's ranks.
  func announcedLimit(_ slot: EndpointSlot, rank: Int) -> Int {
    let caches = endpoints[slot.index]?.caches
    let ranks = (caches?.count ?? 0) + (caches?[rank] == nil ? 1 : 0)
    let bytes = limits.maximumBytes / max(1, endpointCount) / 2 / ranks
    return max(1, bytes / (AnnouncedBlocks.bytesPerBlock + Self.sharedBytesPerBlock))
  }

  /// Drops blocks of caches above their limit, which becomes smaller when endpoints join, and frees memory.
  ///
  /// - Parameter blocks: the largest number of blocks to drop; no cache is moved after that, because the writer's lock is held.
  ///   A cache is moved as a whole, at 30 ns a block.
  mutating func trimCaches(blocks: Int) {
    var left = blocks
    for position in endpoints.indices where left > 0 {
      guard let slot = endpoints[position]?.slot, let ranks = endpoints[position]?.caches.keys.sorted() else {
        continue
      }
      for rank in ranks {
        let limit = announcedLimit(slot, rank: rank)
        guard var cache = endpoints[position]?.caches.removeValue(forKey: rank) else { continue }
        let goal = max(limit, cache.blocks.count - left)
        left -= max(0, cache.blocks.count - goal)
        tableBytes -= cache.sizeInBytes
        if cache.trim(limit, goal: goal, &index) { left -= cache.blocks.count }
        tableBytes += cache.sizeInBytes
        endpoints[position]?.caches[rank] = cache
      }
    }
  }

  /// Notes the block size of a cache as the last announced one.
  mutating func noteBlockTokens(of cache: borrowing AnnouncedCache) {
    guard let blockTokens = cache.blockTokens else { return }
    hasBlockTokens = true
    guard blockTokens != news.blockTokens else { return }
    news.blockTokens = blockTokens
    hasNews = true
  }

  /// Notes an adapter's name.
  mutating func note(loRAName name: String) {
    if news.loRANames.count < Self.maximumLoRANames, news.loRANames.insert(name).inserted { hasNews = true }
  }

  /// The pool-wide facts, if they have changed since the last call; else nil.
  mutating func takeNews() -> News? {
    defer { hasNews = false }
    return hasNews ? news : nil
  }

  /// Forgets what a rank has announced, and ends the endpoint's speculative picks.
  mutating func reset(_ slot: EndpointSlot, rank: Int) {
    guard endpoints[slot.index]?.slot.generation == slot.generation else { return }
    // The engine that picks were supposed to fill is gone, or nothing is known of it.
    endSpeculations(of: slot)
    guard let cache = endpoints[slot.index]?.caches.removeValue(forKey: rank) else { return }
    forget(cache)
  }
}
