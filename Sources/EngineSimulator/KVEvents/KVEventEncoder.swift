/// Encodes batches of KV events as vLLM's publisher does: `[time, [event, ...], data-parallel rank]`.
///
/// Members of a map are in the order of vLLM 0.32, elements of an array are those of 0.22.
package struct KVEventEncoder: Sendable {
  /// The format of the events.
  package let format: KVEventFormat
  /// The engine's data-parallel rank.
  private let rank: Int

  /// The storage tier of all blocks; other tiers are not simulated.
  private static let medium = "GPU"
  /// The attention kind of all layers of a simulated model.
  private static let kind = "full_attention"
  /// The KV cache group of all layers of a simulated model.
  private static let group: UInt64 = 0

  /// Makes an encoder.
  ///
  /// - Parameters:
  ///   - format: The format of the events.
  ///   - rank: The engine's data-parallel rank.
  package init(_ format: KVEventFormat, rank: Int = 0) {
    self.format = format
    self.rank = rank
  }

  /// Returns a batch in MessagePack.
  ///
  /// - Parameter time: Seconds since 1970.
  package func encode(_ events: [CacheEvent], time: Double) -> [UInt8] {
    var writer = MessagePackWriter()
    writer.beginArray(3)
    writer.write(time)
    writer.beginArray(events.count)
    for event in events {
      switch format.encoding {
      case .map: writeMap(event, to: &writer)
      case .array: writeArray(event, to: &writer)
      }
    }
    writer.write(UInt64(rank))
    return writer.bytes
  }

  private func writeMap(_ event: CacheEvent, to writer: inout MessagePackWriter) {
    switch event {
    case .stored(let stored):
      let hasKeys = !stored.extraKeys.isEmpty
      writer.beginMap(10 + (hasKeys ? 1 : 0) + (stored.sessionID == nil ? 0 : 1))
      writeType("BlockStored", to: &writer)
      writer.write("block_hashes")
      write(stored.hashes, to: &writer)
      writer.write("parent_block_hash")
      write(parent: stored.parent, to: &writer)
      writer.write("token_ids")
      write(tokens: stored.tokens, to: &writer)
      writer.write("block_size")
      writer.write(UInt64(stored.blockTokens))
      writer.write("lora_id")
      write(adapterNumber: stored.adapter, to: &writer)
      writer.write("medium")
      writer.write(Self.medium)
      writer.write("lora_name")
      writer.write(stored.adapter?.name)
      if hasKeys {
        writer.write("extra_keys")
        write(keys: stored.extraKeys, to: &writer)
      }
      writer.write("group_idx")
      writer.write(Self.group)
      writer.write("kv_cache_spec_kind")
      writer.write(Self.kind)
      if let session = stored.sessionID {
        writer.write("session_id")
        writer.write(session)
      }
    case .removed(let hash):
      writer.beginMap(4)
      writeType("BlockRemoved", to: &writer)
      writer.write("block_hashes")
      write([hash], to: &writer)
      writer.write("medium")
      writer.write(Self.medium)
      writer.write("group_idx")
      writer.write(Self.group)
    case .cleared:
      writer.beginMap(1)
      writeType("AllBlocksCleared", to: &writer)
    }
  }

  private func writeArray(_ event: CacheEvent, to writer: inout MessagePackWriter) {
    switch event {
    case .stored(let stored):
      // Groups came after extra keys: an engine that does not tell the one does not tell the other.
      let hasKeys = !stored.extraKeys.isEmpty
      writer.beginArray(hasKeys ? 12 : 8)
      writer.write("BlockStored")
      write(stored.hashes, to: &writer)
      write(parent: stored.parent, to: &writer)
      write(tokens: stored.tokens, to: &writer)
      writer.write(UInt64(stored.blockTokens))
      write(adapterNumber: stored.adapter, to: &writer)
      writer.write(Self.medium)
      writer.write(stored.adapter?.name)
      guard hasKeys else { return }
      write(keys: stored.extraKeys, to: &writer)
      writer.write(Self.group)
      writer.write(Self.kind)
      // The length of a sliding window.
      writer.writeNil()
    case .removed(let hash):
      writer.beginArray(4)
      writer.write("BlockRemoved")
      write([hash], to: &writer)
      writer.write(Self.medium)
      writer.write(Self.group)
    case .cleared:
      writer.beginArray(1)
      writer.write("AllBlocksCleared")
    }
  }

  private func writeType(_ type: String, to writer: inout MessagePackWriter) {
    writer.write("type")
    writer.write(type)
  }

  private func write(_ hashes: [BlockHash], to writer: inout MessagePackWriter) {
    writer.beginArray(hashes.count)
    for hash in hashes { write(hash, to: &writer) }
  }

  private func write(_ hash: BlockHash, to writer: inout MessagePackWriter) {
    switch format.hashes {
    case .integer: writer.write(hash.low64)
    case .bytes: writer.write(data: hash.bytes)
    }
  }

  private func write(parent: BlockHash?, to writer: inout MessagePackWriter) {
    if let parent { write(parent, to: &writer) } else { writer.writeNil() }
  }

  private func write(tokens: [UInt32], to writer: inout MessagePackWriter) {
    writer.beginArray(tokens.count)
    for token in tokens { writer.write(UInt64(token)) }
  }

  private func write(adapterNumber adapter: LoadedAdapter?, to writer: inout MessagePackWriter) {
    if let adapter { writer.write(UInt64(adapter.number)) } else { writer.writeNil() }
  }

  /// Writes an array with the keys of each block; nil for a block without keys.
  private func write(keys: [[String]], to writer: inout MessagePackWriter) {
    writer.beginArray(keys.count)
    for keys in keys {
      if keys.isEmpty {
        writer.writeNil()
      } else {
        writer.beginArray(keys.count)
        for key in keys { writer.write(key) }
      }
    }
  }
}
