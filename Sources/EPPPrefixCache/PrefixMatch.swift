package import EPPCore

/// How much of a request's prompts each endpoint holds, by slot. A worker thread keeps one and reuses its storage.
package struct PrefixMatch: Sendable {
  private var blocks = [Int32](repeating: 0, count: EndpointSlot.capacity)
  /// Blocks of the request's prompts.
  package internal(set) var totalBlocks = 0

  package init() {}

  /// Blocks from the start that the endpoint in `slot` holds, summed over the prompts. Meant for slots that were asked
  /// about in the last `match`.
  package func matchedBlocks(_ slot: EndpointSlot) -> Int { Int(blocks[slot.index]) }

  /// Share of the blocks that is held, 0...1; 0 when there are none.
  package func ratio(_ slot: EndpointSlot) -> Double {
    totalBlocks > 0 ? Double(blocks[slot.index]) / Double(totalBlocks) : 0
  }

  /// Tokens that are held.
  package func matchedTokens(_ slot: EndpointSlot) -> Int { matchedBlocks(slot) * PrefixQuery.blockTokens }

  mutating func set(_ slot: EndpointSlot, _ count: Int) { blocks[slot.index] = Int32(clamping: count) }
}
