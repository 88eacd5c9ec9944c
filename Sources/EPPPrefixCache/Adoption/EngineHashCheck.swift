/// Finds out how an engine hashes its blocks, from the first prefixes that it announces.
///
/// An engine whose hashes come out the same here has the tokens and the block size that its events say, and its hashes of
/// other prompts can be computed. Most cannot be known: vLLM before 0.32 starts from random bytes, and SGLang hashes
/// otherwise.
package struct EngineHashCheck: Sendable {
  /// What has come out.
  package enum Verdict: Sendable {
    /// No prefix was announced that could be computed.
    case open
    case known(EngineBlockHasher)
    /// Some prefixes were, and none came out the same.
    case foreign
  }

  /// vLLM's default, and the values of `PYTHONHASHSEED` that its and llm-d's guides use.
  private static let seeds = [EngineBlockHasher.defaultSeed, "0", "42"]
  /// First blocks that are computed before the hashes count as foreign.
  package static let trials = 8

  package private(set) var verdict = Verdict.open
  private var trialsLeft = Self.trials

  package init() {}

  /// Whether there is something left to find out.
  package var isOpen: Bool { if case .open = verdict { true } else { false } }

  /// Looks at the first blocks of prefixes in a batch.
  package mutating func see(_ batch: borrowing KVEventBatch) {
    for event in batch.events {
      guard isOpen else { return }
      guard case .stored(let event) = event, event.parent == nil, event.loRAName == nil, event.isContiguous,
        !event.isPlaceholder, event.extraKeys.first?.isEmpty != false, !event.hashes.isEmpty
      else { continue }
      compute(batch.tokens[event.tokens].prefix(event.blockTokens), batch.hashes[event.hashes.lowerBound])
    }
  }

  private mutating func compute(_ tokens: ArraySlice<UInt32>, _ hash: UInt64) {
    for seed in Self.seeds {
      for algorithm in EngineBlockHasher.Algorithm.allCases {
        let hasher = EngineBlockHasher(algorithm, seed: seed)
        guard hasher.hash(after: hasher.root, tokens)?.low64 == hash else { continue }
        verdict = .known(hasher)
        return
      }
    }
    trialsLeft -= 1
    if trialsLeft == 0 { verdict = .foreign }
  }
}
