package import EPPCore
import Synchronization

/// How many blocks are known of an endpoint.
extension PrefixIndex {
  /// Numbers of blocks that an endpoint is assumed to hold, by the source of the knowledge.
  package struct BlockCounts: Sendable, Equatable {
    /// Blocks of prompts that were routed there.
    package var routed: Int
    /// Blocks of prompts that were routed there and that its engine has not announced yet.
    package var speculative: Int
    /// Blocks that the engine has announced, on all ranks and tiers.
    package var announced: Int

    package init(routed: Int = 0, speculative: Int = 0, announced: Int = 0) {
      self.routed = routed
      self.speculative = speculative
      self.announced = announced
    }
  }

  /// Returns the numbers of an endpoint's blocks, queued picks included. Waits for the writer.
  package func blockCounts(of slot: EndpointSlot) -> BlockCounts {
    defer { drainQueue() }
    return writer.withLock { writer in
      drain(&writer)
      defer { finish(&writer) }
      guard let endpoint = writer.endpoints[slot.index], endpoint.slot.generation == slot.generation else {
        return BlockCounts()
      }
      return BlockCounts(
        routed: endpoint.routed.blocks.count, speculative: endpoint.speculative.blocks.count,
        announced: endpoint.caches.values.reduce(0) { $0 + $1.blocks.count })
    }
  }
}
