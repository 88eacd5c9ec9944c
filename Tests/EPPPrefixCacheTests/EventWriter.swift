import EPPPrefixCache

/// Writes batches as vLLM does (maps), for prefixes that are named by their blocks: block `n` is the token `n` as often as
/// a block has tokens.
struct EventWriter {
  var blockTokens = 16
  /// Engines that are started anew have other hashes.
  var seed: UInt64 = 1
  /// What the next events name as their KV cache group, and as what it keeps; nil: nothing.
  var group: UInt64?
  var kind: String?
  private var events: [[UInt8]] = []

  init(blockTokens: Int = 16, seed: UInt64 = 1) {
    self.blockTokens = blockTokens
    self.seed = seed
  }

  func hash(_ prefix: [UInt32]) -> UInt64 {
    var hash = seed &* 0x9E37_79B9_7F4A_7C15 ^ 0xCBF2_9CE4_8422_2325
    for block in prefix { hash = (hash ^ UInt64(block) &+ 1) &* 0x0000_0100_0000_01B3 ^ (hash >> 31) }
    return hash
  }

  func tokens(_ prompt: [UInt32]) -> [UInt32] { prompt.flatMap { Array(repeating: $0, count: blockTokens) } }

  mutating func store(_ parent: [UInt32], _ blocks: [UInt32], _ medium: String?) {
    var prefix = parent
    let hashes = blocks.map { block in
      prefix.append(block)
      return hash(prefix)
    }
    events.append(
      map(
        [
          ("type", text("BlockStored")), ("block_hashes", array(hashes.map(number))),
          ("parent_block_hash", parent.isEmpty ? [0xC0] : number(hash(parent))),
          ("token_ids", array(tokens(blocks).map { number(UInt64($0)) })), ("block_size", number(UInt64(blockTokens))),
          ("medium", medium.map(text) ?? [0xC0]),
        ] + groupMembers))
  }

  /// What offloading connectors send: where a block is, and nothing of what is in it.
  mutating func relocate(_ prefix: [UInt32], _ medium: String) {
    events.append(
      map(
        [
          ("type", text("BlockStored")), ("block_hashes", array([number(hash(prefix))])), ("parent_block_hash", [0xC0]),
          ("token_ids", array([])), ("block_size", number(0)), ("medium", text(medium)),
        ] + groupMembers))
  }

  mutating func remove(_ prefix: [UInt32], _ medium: String?) {
    events.append(
      map(
        [
          ("type", text("BlockRemoved")), ("block_hashes", array([number(hash(prefix))])),
          ("medium", medium.map(text) ?? [0xC0]),
        ] + groupMembers))
  }

  mutating func clear() { events.append(map([("type", text("AllBlocksCleared"))])) }

  /// The message with all events since the last one.
  mutating func message() -> [UInt8] {
    defer { events = [] }
    return [0x93, 0xCB, 0, 0, 0, 0, 0, 0, 0, 0] + array(events) + [0x00]
  }

  private var groupMembers: [(String, [UInt8])] {
    (group.map { [("group_idx", number($0))] } ?? []) + (kind.map { [("kv_cache_spec_kind", text($0))] } ?? [])
  }

  private func array(_ items: [[UInt8]]) -> [UInt8] {
    [0xDC, UInt8(items.count >> 8), UInt8(items.count & 0xFF)] + items.flatMap { $0 }
  }

  private func map(_ members: [(String, [UInt8])]) -> [UInt8] {
    [0x80 | UInt8(members.count)] + members.flatMap { text($0) + $1 }
  }

  private func text(_ text: String) -> [UInt8] { [0xD9, UInt8(text.utf8.count)] + Array(text.utf8) }

  private func number(_ value: UInt64) -> [UInt8] {
    [0xCF] + (0..<8).map { UInt8(truncatingIfNeeded: value >> (56 - 8 * UInt64($0))) }
  }
}
