package import EPPCore

/// Blocks that come from other engines, and blocks that go to them.
extension SimulatedEngine {
  /// Returns what identifies the blocks of a request's prompt; nil for an unknown request.
  package func promptBlocks(of id: SimulatedRequestID) -> PromptBlocks? { sequences[id]?.promptBlocks }

  /// Returns what identifies the blocks of a prompt that is not submitted.
  package func promptBlocks(of prompt: [UInt32], namespace: CacheNamespace) -> PromptBlocks {
    var chain = BlockChain(blockTokens: options.blockTokens, hasher: hasher, namespace: namespace)
    chain.append(prompt)
    return chain.prefix(prompt.count)
  }

  /// Returns the number of a prompt's tokens that are in the prefix cache and that a request would not compute.
  package func cachedTokens(of prompt: PromptBlocks) -> Int {
    pool.match(prompt.hashes.prefix(reusableBlocks(of: prompt))).found * options.blockTokens
  }

  /// Returns the number of a prompt's blocks that a request can take from a cache of full blocks: all before the last token.
  package func reusableBlocks(of prompt: PromptBlocks) -> Int { max(0, prompt.tokens - 1) / options.blockTokens }

  /// Lets a request that waits for blocks be admitted.
  ///
  /// - Parameter tokens: Tokens of the prompt whose blocks have come; nil when they have to be computed.
  package mutating func load(_ id: SimulatedRequestID, tokens: Int?, at now: MonotonicTime) -> [SimulatedEngineAction] {
    let actions = advance(to: now)
    guard sequences[id]?.isLoading == true else { return actions }
    sequences[id]?.isLoading = false
    sequences[id]?.receivedTokens = tokens ?? 0
    loading.removeAll { $0 == id }
    waiting.append(id)
    if step == nil, suspendedAt == nil { startStep(at: now) }
    return actions
  }

  /// Ends a request that waits for blocks: they will not come.
  package mutating func failLoad(_ id: SimulatedRequestID, at now: MonotonicTime) -> [SimulatedEngineAction] {
    var actions = advance(to: now)
    guard sequences[id]?.isLoading == true, let sequence = sequences.removeValue(forKey: id) else { return actions }
    loading.removeAll { $0 == id }
    statistics.finishedByError += 1
    if sequence.adapter != nil { recordAdapters(at: now) }
    actions.append(.fail(id))
    return actions
  }

  /// Ends the use of blocks that have stayed in use after their request's end.
  package mutating func release(_ blocks: [Int], at now: MonotonicTime) -> [SimulatedEngineAction] {
    let actions = advance(to: now)
    pool.release(blocks)
    if step == nil, suspendedAt == nil { startStep(at: now) }
    return actions
  }
}
