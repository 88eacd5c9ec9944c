package import EPPCore
import Synchronization

/// Blocks that engines stored before their events were followed. For the event thread: it waits for the writer.
extension PrefixIndex {
  /// Places what is known of an engine's cache but for its parent, where the parent is a block of a prompt.
  ///
  /// - Parameters:
  ///   - tokens: of a prompt without adapter, salt or media.
  ///   - hashes: what the engine calls its blocks (`EngineBlockHasher.hashes`).
  @discardableResult
  package func adopt(_ tokens: [UInt32], _ hashes: [UInt64], from slot: EndpointSlot, rank: Int) -> AnnouncedCounts {
    let counts = writer.withLock { writer in
      drain(&writer)
      let counts = writer.adopt(tokens, hashes, from: slot, rank: rank)
      finish(&writer)
      return counts
    }
    drainQueue()
    return counts
  }

  /// Blocks of an engine's cache that are known but for their parent.
  package func waitingBlocks(of slot: EndpointSlot, rank: Int) -> Int {
    defer { drainQueue() }
    return writer.withLock { $0.waitingBlocks(of: slot, rank: rank) }
  }
}
