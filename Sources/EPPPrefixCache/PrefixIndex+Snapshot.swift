package import EPPCore
import Synchronization

/// Taking a copy of what is known of an endpoint, and going on from one in another process.
///
/// A copy is one pass over the memory of one cache under the writer's lock: picks wait in the queue meanwhile, and events
/// for their turn. Everything else is done outside of it.
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
  ///   - rank: the data-parallel rank.
  ///   - snapshot: replaced; its storage is used again.
  /// - Returns: false when the rank has announced nothing; the snapshot is then what it was.
  package func copyAnnounced(of slot: EndpointSlot, rank: Int = 0, into snapshot: inout AnnouncedSnapshot) -> Bool {
    defer { drainQueue() }
    snapshot.reserve(writer.withLock { $0.announcedEntries(of: slot, rank: rank) })
    return writer.withLock { $0.copyAnnounced(of: slot, rank: rank, into: &snapshot) }
  }

  /// Copies what was sent to an endpoint, picks included that wait to be entered.
  ///
  /// - Parameter snapshot: replaced; its storage is used again.
  /// - Returns: false when nothing was sent there; the snapshot is then what it was.
  package func copyRouted(of slot: EndpointSlot, into snapshot: inout RoutedSnapshot) -> Bool {
    defer { drainQueue() }
    snapshot.reserve(writer.withLock { $0.routedEntries(of: slot) })
    return writer.withLock { writer in
      drain(&writer)
      defer { finish(&writer) }
      return writer.copyRouted(of: slot, into: &snapshot)
    }
  }

  /// How far an engine's stream is, when that has changed without a batch: the engine's start time was learned, or
  /// messages were lost.
  ///
  /// - Parameter position: nil when nothing may go on from the cache.
  package func notePosition(_ position: EventStreamPosition?, of slot: EndpointSlot, rank: Int = 0) {
    writer.withLock { $0.note(position, of: slot, rank: rank) }
    drainQueue()
  }

  // MARK: - Restoring

  /// Takes up the adapters' names, and the block size as long as no engine has told one.
  package func restore(_ announcements: Announcements) {
    writer.withLock { writer in
      writer.restore(announcements)
      publishNews(&writer)
    }
    drainQueue()
  }

  /// Goes on from what an engine had announced when the snapshot was taken: its stream has to be applied from the
  /// snapshot's position on, under the snapshot's rank. Before the first batch of it: for the event thread.
  ///
  /// - Parameter snapshot: given away: the last owner's memory becomes the index's.
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

  /// Goes on from what had been sent to an endpoint when the snapshot was taken. Before the first pick of it.
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
