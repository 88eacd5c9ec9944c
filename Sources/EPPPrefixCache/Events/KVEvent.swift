/// What an engine says of its KV cache. Hashes and tokens stand in the batch's own arrays.
package enum KVEvent: Sendable, Equatable {
  case stored(BlocksStored)
  case removed(BlocksRemoved)
  /// The whole cache is empty.
  case cleared
}

/// Blocks that an engine has put into a cache.
package struct BlocksStored: Sendable, Equatable {
  /// The engine's hashes of the blocks, in `KVEventBatch.hashes`; each names the whole prefix up to its block.
  package var hashes: Range<Int>
  /// The hash of the block before the first; nil when that is the first of its prefix, or unknown (`isPlaceholder`).
  package var parent: UInt64?
  /// The blocks' tokens, in `KVEventBatch.tokens`.
  package var tokens: Range<Int>
  /// Tokens in a block; 0 when the engine does not say.
  package var blockTokens: Int
  /// Where the blocks are now.
  package var tier: StorageTier
  /// The LoRA adapter that the blocks were computed with.
  package var loRAName: String?
  /// What beside the tokens went into the hash of each block: empty, or one list per block.
  package var extraKeys: [[ExtraKey]]
  /// The KV cache group; nil for engines that have one.
  package var group: Int?
  /// What the group keeps of a prefix.
  package var cacheKind: CacheKind

  /// Whether the event says where known blocks are and nothing of what is in them: offloading connectors send these.
  package var isPlaceholder: Bool { tokens.isEmpty }

  /// Whether the tokens are those of the blocks, one block after the other. Not so where blocks were left out (sliding
  /// windows), or where a block is not full.
  package var isContiguous: Bool {
    let (expected, overflow) = hashes.count.multipliedReportingOverflow(by: blockTokens)
    return blockTokens > 0 && !overflow && expected == tokens.count
  }
}

/// Blocks that an engine has dropped from a cache.
package struct BlocksRemoved: Sendable, Equatable {
  /// In `KVEventBatch.hashes`.
  package var hashes: Range<Int>
  /// Where a copy of each has been.
  package var tier: StorageTier
  /// The KV cache group; nil for engines that have one, and for connectors that number none.
  package var group: Int?
}

/// Where a block lies.
package enum StorageTier: Sendable, Equatable, CaseIterable {
  case gpu
  case cpu
  case storage

  /// The engines' words: `GPU`, `CPU` (Mooncake's connector: `cpu`; SGLang: `CPU_TIER1`, `CPU_TIER2`), `STORAGE` (SGLang:
  /// `DISK`, `EXTERNAL`). Nothing said is the GPU; a word that is not known is taken for the slowest.
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

/// The kind of attention that a group of blocks serves.
package enum CacheKind: Sendable, Equatable {
  /// Attention over the whole prefix, under any of its names, or nothing said: such blocks are indexed.
  case wholePrefix
  /// Sliding windows, Mamba states and what else holds only parts of a prefix.
  case partial

  /// vLLM's `kv_cache_spec_kind`.
  init(specification: String?) {
    switch specification {
    case nil, "full_attention", "mla_attention", "sink_full_attention": self = .wholePrefix
    default: self = .partial
    }
  }
}

/// One of the things beside its tokens that an engine has put into a block's hash. vLLM sends them without a tag.
package enum ExtraKey: Sendable, Equatable, Hashable {
  /// A LoRA name, a cache salt or a digest: told apart by comparing with what else is known of the request.
  case text(String)
  /// An image or the like, with its place in the prompt, in tokens.
  case item(identifier: String, offset: Int)
  case bytes([UInt8])
}
