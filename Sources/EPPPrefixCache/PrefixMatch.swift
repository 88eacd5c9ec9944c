package import EPPCore

/// How much of a request's prompts each endpoint holds, by slot. A worker thread keeps one and reuses its storage.
///
/// Answers only for the endpoints of the last `match`: for any other slot, and for another tenant of a slot, it says 0.
package struct PrefixMatch: Sendable {
  private struct Entry {
    var blocks: Int32 = 0
    var generation: UInt32 = 0
    /// The match that wrote it.
    var round: UInt32 = 0
  }

  private var entries = [Entry](repeating: Entry(), count: EndpointSlot.capacity)
  private var round: UInt32 = 0
  /// Blocks of the request's prompts.
  package private(set) var totalBlocks = 0

  /// One that holds no answers yet.
  package init() {}

  /// Blocks that the endpoint holds, contiguous from the first of each prompt, summed over the prompts.
  package func matchedBlocks(_ slot: EndpointSlot) -> Int {
    let entry = entries[slot.index]
    return entry.round == round && entry.generation == slot.generation ? Int(entry.blocks) : 0
  }

  /// Share of the blocks that is held, 0...1; 0 when there are none.
  package func ratio(_ slot: EndpointSlot) -> Double {
    totalBlocks > 0 ? Double(matchedBlocks(slot)) / Double(totalBlocks) : 0
  }

  /// Tokens that are held.
  package func matchedTokens(_ slot: EndpointSlot) -> Int { matchedBlocks(slot) * PrefixQuery.blockTokens }

  /// Forgets what was matched before.
  mutating func begin(totalBlocks: Int) {
    self.totalBlocks = totalBlocks
    round &+= 1
    // Once in 4 billion matches the numbers come round again.
    if round == 0 {
      for index in entries.indices { entries[index] = Entry() }
      round = 1
    }
  }

  mutating func add(_ blocks: Int, for slot: EndpointSlot) {
    let before = matchedBlocks(slot)
    entries[slot.index] = Entry(blocks: Int32(clamping: before + blocks), generation: slot.generation, round: round)
  }
}
