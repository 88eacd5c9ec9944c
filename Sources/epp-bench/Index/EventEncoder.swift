/// Encodes KV events as vLLM 0.32 publishes them: MessagePack, with events as maps.
struct EventEncoder {
  private var events: [UInt8] = []
  private var count = 0
  private let blockTokens: Int

  init(blockTokens: Int) { self.blockTokens = blockTokens }

  /// Adds an event that stores blocks.
  ///
  /// - Parameters:
  ///   - parent: Hash of the block before the first one; nil for a first block.
  ///   - tokens: Tokens of all blocks.
  mutating func store(hashes: some Collection<UInt64>, parent: UInt64?, tokens: some Collection<UInt32>) {
    begin(members: 11, type: "BlockStored")
    name("block_hashes")
    array(hashes.count)
    for hash in hashes { long(hash) }
    name("parent_block_hash")
    if let parent { long(parent) } else { events.append(0xC0) }
    name("token_ids")
    array(tokens.count)
    for token in tokens { number(token) }
    name("block_size")
    number(UInt32(blockTokens))
    name("lora_id")
    events.append(0xC0)
    name("medium")
    text("GPU")
    name("lora_name")
    events.append(0xC0)
    name("extra_keys")
    array(hashes.count)
    for _ in hashes { events.append(0xC0) }
    name("group_idx")
    number(0)
    name("kv_cache_spec_kind")
    text("full_attention")
  }

  /// Adds an event that removes a block. Engines send one event for each block.
  mutating func remove(_ hash: UInt64) {
    begin(members: 4, type: "BlockRemoved")
    name("block_hashes")
    array(1)
    long(hash)
    name("medium")
    text("GPU")
    name("group_idx")
    number(0)
  }

  /// Returns a message with all events since the last message.
  mutating func message() -> [UInt8] {
    defer {
      events.removeAll(keepingCapacity: true)
      count = 0
    }
    var message: [UInt8] = [0x93, 0xCB, 0x41, 0xDA, 0xC0, 0xB3, 0x6D, 0x81, 0x1F, 0x45]
    message += [0xDD] + bytes(UInt32(count))
    return message + events + [0x00]
  }

  private mutating func begin(members: UInt8, type: String) {
    count += 1
    events.append(0x80 | members)
    name("type")
    text(type)
  }

  private mutating func name(_ name: String) { text(name) }

  private mutating func text(_ text: String) {
    events.append(0xA0 | UInt8(text.utf8.count))
    events.append(contentsOf: text.utf8)
  }

  private mutating func array(_ count: Int) {
    events.append(0xDC)
    events.append(UInt8(count >> 8))
    events.append(UInt8(count & 0xFF))
  }

  private mutating func number(_ value: UInt32) {
    switch value {
    case 0..<128: events.append(UInt8(value))
    case 128..<256: events += [0xCC, UInt8(value)]
    case 256..<65_536: events += [0xCD, UInt8(value >> 8), UInt8(value & 0xFF)]
    default: events += [0xCE] + bytes(value)
    }
  }

  private mutating func long(_ value: UInt64) {
    events.append(0xCF)
    events += bytes(UInt32(value >> 32)) + bytes(UInt32(truncatingIfNeeded: value))
  }

  private func bytes(_ value: UInt32) -> [UInt8] {
    [UInt8(value >> 24), UInt8(value >> 16 & 0xFF), UInt8(value >> 8 & 0xFF), UInt8(value & 0xFF)]
  }
}
