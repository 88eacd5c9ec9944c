/// Determines how an engine hashes its blocks, from the first prefixes that it announces.
///
/// If the computed hashes equal the announced ones, the tokens and the block size are as the events say, and the hashes of
/// other prompts can be computed. For most engines they cannot: vLLM before 0.32 starts from random bytes, and SGLang hashes in
/// another way.
package struct EngineHashCheck: Sendable {
  /// The result so far.
  package enum Verdict: Sendable {
    /// No computable prefix has been announced yet, or fewer than `trials` without a match.
    case open
    /// The computed hashes equal the announced ones.
    case known(EngineBlockHasher)
    /// The hashes of `trials` prefixes were computed, and none was equal.
    case foreign
  }

  /// vLLM's default, and the values of `PYTHONHASHSEED` that its and llm-d's guides use.
  private static let seeds = [EngineBlockHasher.defaultSeed, "0", "42"]
  /// The number of first blocks whose hashes are computed before the hashes count as foreign.
  package static let trials = 8

  /// The result so far.
  package private(set) var verdict = Verdict.open
  private var trialsLeft = Self.trials

  /// A check without a result.
  package init() {}

  /// Whether there is no result yet.
  package var isOpen: Bool { if case .open = verdict { true } else { false } }

  /// Checks the first blocks of prefixes in a batch.
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
