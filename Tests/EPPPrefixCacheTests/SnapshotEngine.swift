import EPPCore
import EPPPrefixCache
import EPPTestKit

/// An engine that says all that engines can say, at random: stores out of order and twice, evictions of tails and of
/// middles, other tiers, adapters, pictures in prompts, other cache groups, an emptied cache. Some of it is lost.
struct SnapshotEngine {
  /// Its endpoint, by number, and its data-parallel rank.
  var endpoint: Int
  var rank: Int
  var blockTokens: Int
  var usesTiers: Bool
  var lossPerCent: Int
  /// KV cache groups: the first one holds whole prefixes; nil for engines that do not number them.
  var group: UInt64?
  /// Engines that are started anew have other hashes.
  var seed: UInt64
  var nextMessage: UInt64 = 0
  private var held: [[UInt32]] = []

  init(endpoint: Int, rank: Int, _ dice: inout SeededGenerator) {
    self.endpoint = endpoint
    self.rank = rank
    blockTokens = [16, 16, 32, 1, 20].randomElement(using: &dice) ?? 16
    usesTiers = Int.random(in: 0..<2, using: &dice) == 0
    lossPerCent = [0, 5, 30].randomElement(using: &dice) ?? 0
    group = [nil, 0, 3].randomElement(using: &dice) ?? nil
    seed = dice.next()
  }

  /// The adapter of a prefix: that of its first block.
  static func adapter(_ prefix: [UInt32]) -> String? { prefix.first == 2 ? "adapter-2" : nil }

  /// A prompt out of a tree with long straight runs.
  static func prompt(_ dice: inout SeededGenerator, longest: Int = 40) -> [UInt32] {
    (0..<Int.random(in: 1...longest, using: &dice)).map { depth in
      depth == 0 || Int.random(in: 0..<8, using: &dice) == 0 ? UInt32.random(in: 0..<4, using: &dice) : 0
    }
  }

  /// A prefix that the engine has, or a prompt that it may not have.
  func question(_ dice: inout SeededGenerator) -> [UInt32] {
    Bool.random(using: &dice) ? (held.randomElement(using: &dice) ?? [1]) + [9] : Self.prompt(&dice)
  }

  func query(_ prompt: [UInt32]) -> PrefixQuery {
    tokenQuery(tokens(prompt), blockTokens: blockTokens, loRAName: Self.adapter(prompt))
  }

  /// A process of its own from now on, with an empty cache.
  mutating func restart() {
    held = []
    seed &+= 1
    nextMessage = 0
  }

  /// The next message that reaches somebody: 1 to 4 changes.
  mutating func message(_ dice: inout SeededGenerator) -> [UInt8] {
    var events: [[UInt8]] = []
    for _ in 0..<Int.random(in: 1...4, using: &dice) {
      let event = change(&dice)
      if Int.random(in: 0..<100, using: &dice) >= lossPerCent { events.append(event) }
    }
    nextMessage += 1
    return [0x93, 0xCB, 0, 0, 0, 0, 0, 0, 0, 0] + Self.array(events) + [UInt8(rank)]
  }

  private mutating func change(_ dice: inout SeededGenerator) -> [UInt8] {
    let medium = usesTiers ? [nil, "GPU", "CPU", "STORAGE"].randomElement(using: &dice) ?? nil : nil
    switch Int.random(in: 0..<24, using: &dice) {
    case 0 where !held.isEmpty && usesTiers:
      let prefix = held.randomElement(using: &dice) ?? []
      return stored([hash(prefix)], parent: nil, tokens: [], "CPU", prefix, 0)
    case 1 where Int.random(in: 0..<40, using: &dice) == 0:
      held = []
      return Self.map([("type", Self.text("AllBlocksCleared"))])
    case 2:
      // Of a group that does not count.
      return Self.map([
        ("type", Self.text("BlockRemoved")), ("block_hashes", Self.array([Self.number(dice.next())])),
        ("group_idx", Self.number(17)),
      ])
    case 3...11 where !held.isEmpty:
      let position =
        Int.random(in: 0..<4, using: &dice) == 0
        ? Int.random(in: held.indices, using: &dice)
        : held.indices.max { held[$0].count < held[$1].count } ?? 0
      return removed(hash(held.remove(at: position)), medium)
    default:
      let prompt = Self.prompt(&dice)
      var start = 0
      while start < prompt.count - 1, held.contains(Array(prompt[...start])) { start += 1 }
      if Int.random(in: 0..<5, using: &dice) == 0 { start = Int.random(in: 0..<prompt.count, using: &dice) }
      let end = Int.random(in: start + 1...prompt.count, using: &dice)
      let prefixes = (start..<end).map { Array(prompt[...$0]) }
      held += prefixes
      let parent = start == 0 ? nil : hash(Array(prompt[..<start]))
      return stored(prefixes.map(hash), parent: parent, tokens: Array(prompt[start..<end]), medium, prompt, start)
    }
  }

  private func hash(_ prefix: [UInt32]) -> UInt64 {
    var dice = SeededGenerator(seed: seed)
    for block in prefix { dice = SeededGenerator(seed: dice.next() &+ UInt64(block)) }
    return dice.next()
  }

  private func tokens(_ prompt: [UInt32]) -> [UInt32] { prompt.flatMap { Array(repeating: $0, count: blockTokens) } }

  // MARK: - Bytes

  private func stored(
    _ hashes: [UInt64], parent: UInt64?, tokens blocks: [UInt32], _ medium: String?, _ prompt: [UInt32], _ start: Int
  ) -> [UInt8] {
    // Blocks of the name 3 have a picture in them.
    let extras = blocks.enumerated().map { position, block in
      block == 3
        ? Self.array([Self.array([Self.text("picture"), Self.number(UInt64(start + position))]), [0xC4, 2, 7, 8]])
        : [0xC0]
    }
    return Self.map([
      ("type", Self.text("BlockStored")), ("block_hashes", Self.array(hashes.map(Self.number))),
      ("parent_block_hash", parent.map(Self.number) ?? [0xC0]),
      ("token_ids", Self.array(tokens(blocks).map { Self.number(UInt64($0)) })),
      ("block_size", Self.number(UInt64(blocks.isEmpty ? 0 : blockTokens))),
      ("medium", medium.map(Self.text) ?? [0xC0]), ("lora_name", Self.adapter(prompt).map(Self.text) ?? [0xC0]),
      ("extra_keys", blocks.contains(3) ? Self.array(extras) : [0xC0]),
      ("group_idx", group.map(Self.number) ?? [0xC0]),
    ])
  }

  private func removed(_ hash: UInt64, _ medium: String?) -> [UInt8] {
    Self.map([
      ("type", Self.text("BlockRemoved")), ("block_hashes", Self.array([Self.number(hash)])),
      ("medium", medium.map(Self.text) ?? [0xC0]), ("group_idx", group.map(Self.number) ?? [0xC0]),
    ])
  }

  private static func array(_ items: [[UInt8]]) -> [UInt8] {
    [0xDC, UInt8(items.count >> 8), UInt8(items.count & 0xFF)] + items.flatMap { $0 }
  }

  private static func map(_ members: [(String, [UInt8])]) -> [UInt8] {
    [0x80 | UInt8(members.count)] + members.flatMap { text($0) + $1 }
  }

  private static func text(_ text: String) -> [UInt8] { [0xD9, UInt8(text.utf8.count)] + Array(text.utf8) }

  private static func number(_ value: UInt64) -> [UInt8] {
    [0xCF] + (0..<8).map { UInt8(truncatingIfNeeded: value >> (56 - 8 * UInt64($0))) }
  }
}
