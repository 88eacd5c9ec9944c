/// An event of an engine's KV cache. Hashes and tokens are in the arrays of its `KVEventBatch`.
package enum KVEvent: Sendable, Equatable {
  /// Blocks were stored.
  case stored(BlocksStored)
  /// Blocks were removed.
  case removed(BlocksRemoved)
  /// The whole cache is empty.
  case cleared
}

/// Blocks that an engine has stored in a cache.
package struct BlocksStored: Sendable, Equatable {
  /// The range of the blocks' hashes in `KVEventBatch.hashes`. Each hash identifies the whole prefix up to its block.
  package var hashes: Range<Int>
  /// The hash of the block before the first one; nil when the first block begins a prefix, or when it is unknown
  /// (`isPlaceholder`).
  package var parent: UInt64?
  /// The range of the blocks' tokens in `KVEventBatch.tokens`.
  package var tokens: Range<Int>
  /// Tokens in a block; 0 when the engine does not say.
  package var blockTokens: Int
  /// The tier on which the blocks are now.
  package var tier: StorageTier
  /// The LoRA adapter that the blocks were computed with; nil for the base model.
  package var loRAName: String?
  /// What went into the hash of each block besides its tokens: empty, or one list per block.
  package var extraKeys: [[ExtraKey]]
  /// The KV cache group; nil for engines with a single group.
  package var group: Int?
  /// Which blocks of a prefix the group keeps.
  package var cacheKind: CacheKind

  /// Whether the event reports where known blocks are, without their contents. Offloading connectors send such events.
  package var isPlaceholder: Bool { tokens.isEmpty }

  /// Whether the tokens are those of all blocks, one block after the other. False where blocks were left out (sliding windows),
  /// or where a block is not full.
  package var isContiguous: Bool {
    let (expected, overflow) = hashes.count.multipliedReportingOverflow(by: blockTokens)
    return blockTokens > 0 && !overflow && expected == tokens.count
  }
}

/// Blocks of which an engine has removed a copy.
package struct BlocksRemoved: Sendable, Equatable {
  /// The range of the blocks' hashes in `KVEventBatch.hashes`.
  package var hashes: Range<Int>
  /// The tier from which the copies were removed.
  package var tier: StorageTier
  /// The KV cache group; nil for engines with a single group, and for connectors that send none.
  package var group: Int?
}

/// The tier on which a block is stored.
package enum StorageTier: Sendable, Equatable, CaseIterable {
  case gpu
  case cpu
  case storage

  /// The tier for an engine's word: `GPU`, `CPU` (Mooncake's connector: `cpu`; SGLang: `CPU_TIER1`, `CPU_TIER2`), `STORAGE`
  /// (SGLang: `DISK`, `EXTERNAL`). Nil is the GPU; any other word is taken for the slowest tier.
  init(medium: String?) {
    guard let medium else {
      self = .gpu
      return
    }
    switch medium.uppercased() {
    case "GPU": self = .gpu
    case let word where word.hasPrefix("CPU"): self = .cpu
    default: self = .storage
    }
  }
}

/// Which blocks of a prefix a cache group keeps, by its kind of attention. The raw value is vLLM's word (`kv_cache_spec_kind`). Only
/// whole prefixes are indexed.
package enum CacheKind: String, Sendable {
  /// Attention over the whole prefix, under any of its names, or no kind given.
  case wholePrefix = "full_attention"
  /// The last tokens of a prefix.
  case slidingWindow = "sliding_window"
  /// The last chunk of a prefix.
  case chunkedLocalAttention = "chunked_local_attention"
  /// States of a recurrent layer.
  case mamba
  /// Any other word.
  case other

  /// The kind for vLLM's `kv_cache_spec_kind`.
  init(specification: String?) {
    switch specification {
    case nil, "full_attention", "mla_attention", "sink_full_attention": self = .wholePrefix
    case let word?: self = CacheKind(rawValue: word) ?? .other
    }
  }
}

/// A value besides the tokens that an engine has put into a block's hash. vLLM sends them without a tag.
package enum ExtraKey: Sendable, Equatable, Hashable {
  /// A LoRA name, a cache salt or a digest; distinguished by comparison with other members of the event.
  case text(String)
  /// An image or other medium, with its position in the prompt in tokens.
  case item(identifier: String, offset: Int)
  case bytes([UInt8])
}
