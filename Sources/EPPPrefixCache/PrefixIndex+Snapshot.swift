package import EPPCore
import Synchronization

/// Copying what is known of an endpoint, and restoring it in another process. All methods wait for the writer.
///
/// A copy is one pass over the memory of one cache under the writer's lock: picks wait in the queue meanwhile, and event
/// threads for the lock. Everything else is done outside of the lock.
extension PrefixIndex {
  // MARK: - Copying

  /// The data-parallel ranks of an endpoint that have announced something, in ascending order.
  package func announcedRanks(of slot: EndpointSlot) -> [Int] {
    defer { drainQueue() }
    return writer.withLock { $0.announcedRanks(of: slot) }
  }

  /// Copies what one rank of an engine has announced, and how far its stream was applied at that moment.
  ///
  /// - Parameters:
  ///   - slot: the endpoint.
  ///   - rank: the data-parallel rank.
  ///   - snapshot: replaced; its storage is reused.
  /// - Returns: false when the rank has announced nothing; the snapshot is then unchanged.
  package func copyAnnounced(of slot: EndpointSlot, rank: Int = 0, into snapshot: inout AnnouncedSnapshot) -> Bool {
    defer { drainQueue() }
    snapshot.reserve(writer.withLock { $0.announcedEntries(of: slot, rank: rank) })
    return writer.withLock { $0.copyAnnounced(of: slot, rank: rank, into: &snapshot) }
  }

  /// Copies what was routed to an endpoint, queued picks included.
  ///
  /// - Parameters:
  ///   - slot: the endpoint.
  ///   - snapshot: replaced; its storage is reused.
  /// - Returns: false when nothing was routed there; the snapshot is then unchanged.
  package func copyRouted(of slot: EndpointSlot, into snapshot: inout RoutedSnapshot) -> Bool {
    defer { drainQueue() }
    snapshot.reserve(writer.withLock { $0.routedEntries(of: slot) })
    return writer.withLock { writer in
      drain(&writer)
      defer { finish(&writer) }
      return writer.copyRouted(of: slot, into: &snapshot)
    }
  }

  /// Sets the position of an engine's stream when it has changed without a batch: the engine's start time was learned, or
  /// messages were lost.
  ///
  /// - Parameter position: nil when the stream cannot be continued from the cache.
  package func notePosition(_ position: EventStreamPosition?, of slot: EndpointSlot, rank: Int = 0) {
    writer.withLock { $0.note(position, of: slot, rank: rank) }
    drainQueue()
  }

  // MARK: - Restoring

  /// Adds the adapters' names, and sets the block size unless an engine has announced one.
  package func restore(_ announcements: Announcements) {
    writer.withLock { writer in
      writer.restore(announcements)
      publishNews(&writer)
    }
    drainQueue()
  }

  /// Restores what an engine had announced when the snapshot was taken. Its stream has then to be applied from the snapshot's
  /// position on, under the snapshot's rank. To be called before the first batch of that rank.
  ///
  /// - Parameters:
  ///   - snapshot: consumed; if it is the last copy, its memory is reused by the index.
  ///   - slot: the endpoint.
  /// - Throws: when the slot has newer entries, its endpoint has left, the index is full, or the entries contradict each other.
  package func restore(_ snapshot: consuming AnnouncedSnapshot, to slot: EndpointSlot) throws(IndexRestoreError) {
    guard let blocks = AnnouncedBlocks(restoring: snapshot.takeEntries(), firstFree: snapshot.firstFree) else {
      throw .contradiction
    }
    let snapshot = snapshot
    defer { drainQueue() }
    try writer.withLock { writer throws(IndexRestoreError) in
      drain(&writer)
      defer {
        finish(&writer)
        publishNews(&writer)
        publishRanks(writer, of: slot)
      }
      try writer.restore(snapshot, blocks, to: slot)
    }
  }

  /// Restores what had been routed to an endpoint when the snapshot was taken. To be called before its first pick.
  ///
  /// - Throws: when the slot has newer entries, its endpoint has left, or the index is full.
  package func restore(_ snapshot: RoutedSnapshot, to slot: EndpointSlot) throws(IndexRestoreError) {
    let blocks = RoutedBlocks(restoring: snapshot)
    defer { drainQueue() }
    try writer.withLock { writer throws(IndexRestoreError) in
      drain(&writer)
      defer { finish(&writer) }
      try writer.restore(snapshot, blocks, to: slot)
    }
  }
}
