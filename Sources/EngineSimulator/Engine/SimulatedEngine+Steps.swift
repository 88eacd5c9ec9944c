import EPPCore

extension SimulatedEngine {
  /// Schedules and starts the next step: running requests first, then waiting requests while there is room.
  mutating func startStep(at now: MonotonicTime) {
    var next = Step(endsAt: now)
    var budget = options.maximumBatchedTokens
    let preempted = scheduleRunning(into: &next, budget: &budget)
    // After a preemption there is no room, and a request admitted now would be the next to be preempted.
    if !preempted { admitWaiting(at: now, into: &next, budget: &budget) }
    let tokens = next.prefillTokens + next.decodeTokens
    guard tokens > 0 else { return }
    statistics.tokensPerStep.observe(Double(tokens))
    next.endsAt = now.advanced(by: duration(of: next))
    step = next
  }

  /// Seconds of the longest step.
  private static let longestStep = 86_400.0

  private func duration(of step: Step) -> Duration {
    let prefill = Double(step.prefillTokens) / options.prefillTokensPerSecond
    let decode = step.decodeTokens > 0 ? options.interTokenLatency / .seconds(1) : 0
    // A long prompt on a slow engine takes years, which are more nanoseconds than a number holds.
    return .nanoseconds(Int64((min((prefill + decode) * slowness, Self.longestStep) * 1e9).rounded()))
  }

  /// Schedules the requests of the running batch. Returns whether one was preempted.
  private mutating func scheduleRunning(into next: inout Step, budget: inout Int) -> Bool {
    var preempted = false
    var position = 0
    while position < running.count, budget > 0 {
      let id = running[position]
      guard let index = sequences.index(forKey: id) else {
        running.remove(at: position)
        continue
      }
      let tokens = min(sequences.values[index].pendingTokens, budget)
      while !extend(index, by: tokens), let victim = running.popLast() {
        preempted = true
        preempt(victim)
        if victim == id { break }
      }
      guard position < running.count else { break }
      compute(index, tokens: tokens, in: &next)
      budget -= tokens
      position += 1
    }
    return preempted
  }

  /// Allocates the blocks of a sequence's next tokens. Returns false when there are not enough.
  private mutating func extend(_ index: Dictionary<SimulatedRequestID, SimulatedSequence>.Index, by tokens: Int) -> Bool
  {
    let needed = sequences.values[index].chain.blocks(holding: sequences.values[index].computedTokens + tokens)
    let missing = needed - sequences.values[index].blocks.count
    guard missing <= pool.freeCount else { return false }
    for _ in 0..<max(0, missing) {
      guard let block = allocateBlock() else { return false }
      sequences.values[index].blocks.append(block)
    }
    return true
  }

  /// Allocates a block, and records the eviction of its former content.
  private mutating func allocateBlock() -> Int? {
    guard let allocation = pool.allocate() else { return nil }
    if let evicted = allocation.evicted { note(.removed(evicted)) }
    return allocation.block
  }

  /// Records an event until the step ends, unless events are turned off.
  mutating func note(_ event: CacheEvent) {
    if options.recordsCacheEvents { cacheEvents.append(event) }
  }

  /// Preempts a running request: releases its blocks and puts it first in the queue, to be computed again.
  private mutating func preempt(_ id: SimulatedRequestID) {
    guard let index = sequences.index(forKey: id) else { return }
    pool.release(sequences.values[index].blocks)
    sequences.values[index].blocks.removeAll()
    sequences.values[index].computedTokens = 0
    sequences.values[index].namedBlocks = 0
    sequences.values[index].receivedTokens = nil
    sequences.values[index].preemptions += 1
    statistics.preemptions += 1
    waiting.insert(id, at: 0)
  }

  /// Admits requests in the order of their arrival until the batch, the token budget or the cache is full. A request whose
  /// adapter has no place in the batch is skipped.
  private mutating func admitWaiting(at now: MonotonicTime, into next: inout Step, budget: inout Int) {
    var adapters = Set(running.compactMap { sequences[$0]?.adapter })
    var position = 0
    while position < waiting.count, running.count < options.maximumRunningRequests, budget > 0 {
      guard let index = sequences.index(forKey: waiting[position]) else {
        waiting.remove(at: position)
        continue
      }
      if let adapter = sequences.values[index].adapter, !adapters.contains(adapter) {
        guard adapters.count < max(1, options.maximumAdapters) else {
          position += 1
          continue
        }
        adapters.insert(adapter)
      }
      guard admit(index, at: now) else { break }
      running.append(waiting.remove(at: position))
      let tokens = min(sequences.values[index].pendingTokens, budget)
      compute(index, tokens: tokens, in: &next)
      budget -= tokens
    }
    if !adapters.isEmpty { recordAdapters(at: now) }
  }

  /// Allocates the blocks of a waiting request: those of its cached prefix, and free ones for all other tokens. Returns false
  /// when there are not enough.
  private mutating func admit(
    _ index: Dictionary<SimulatedRequestID, SimulatedSequence>.Index, at now: MonotonicTime
  ) -> Bool {
    let sequence = sequences.values[index]
    let tokens = sequence.chain.tokens.count
    // The last token has to be computed: its outcome is the first token of the answer. So a prompt that is cached whole
    // computes its last block again, into a second block with the same hash.
    let reusable = (tokens - 1) / options.blockTokens
    let match = pool.match(sequence.chain.hashes.prefix(reusable))
    let others = sequence.chain.blocks(holding: tokens) - match.found
    guard others <= pool.freeCount - match.free else { return false }

    var blocks = sequence.chain.hashes.prefix(match.found).compactMap { pool.acquire($0) }
    for _ in 0..<others {
      if let block = allocateBlock() { blocks.append(block) }
    }
    let local = match.found * options.blockTokens
    let cached = max(local, min(sequence.receivedTokens ?? 0, tokens - 1))
    sequences.values[index].blocks = blocks
    sequences.values[index].computedTokens = cached
    sequences.values[index].namedBlocks = match.found
    if sequence.admittedAt == nil {
      sequences.values[index].admittedAt = now
      sequences.values[index].cachedTokens = cached
      statistics.prefixCacheQueries += tokens
      statistics.prefixCacheHits += local
      if sequence.receivedTokens != nil {
        statistics.externalCacheQueries += tokens - local
        statistics.externalCacheHits += cached - local
        sequences.values[index].externalTokens = cached - local
      }
    }
    return true
  }

  /// Adds the next tokens of a request to a step.
  ///
  /// Blocks that become full are found by their hash from now on, as in vLLM: requests that are admitted later in the step are
  /// computed after this one.
  private mutating func compute(
    _ index: Dictionary<SimulatedRequestID, SimulatedSequence>.Index, tokens: Int, in next: inout Step
  ) {
    if sequences.values[index].isDecoding { next.decodeTokens += tokens } else { next.prefillTokens += tokens }
    sequences.values[index].computedTokens += tokens
    let sequence = sequences.values[index]
    if sequence.pendingTokens == 0 { next.sampled.append(sequence.id) }
    let full = min(sequence.computedTokens / options.blockTokens, sequence.chain.hashes.count)
    guard full > sequence.namedBlocks else { return }
    for block in sequence.namedBlocks..<full { pool.name(sequence.blocks[block], sequence.chain.hashes[block]) }
    if options.recordsCacheEvents {
      note(.stored(sequence.chain.stored(sequence.namedBlocks..<full, sessionID: sequence.sessionID)))
    }
    sequences.values[index].namedBlocks = full
  }

  /// Ends a step: adds the actions that publish its KV events and emit its tokens.
  mutating func finish(_ step: Step, into actions: inout [SimulatedEngineAction]) {
    if !cacheEvents.isEmpty {
      actions.append(.publish(cacheEvents))
      cacheEvents.removeAll()
    }
    for id in step.sampled {
      guard let index = sequences.index(forKey: id) else { continue }
      let token = sequences.values[index].nextToken
      sequences.values[index].chain.append(CollectionOfOne(token))
      sequences.values[index].outputTokens += 1
      countToken(index, at: step.endsAt)
      let sequence = sequences.values[index]
      let isLast = sequence.outputTokens == sequence.outputLimit
      if sequence.reportsPrompt, sequence.outputTokens == 1 { actions.append(.store(sequence.promptBlocks)) }
      if isLast, sequence.holdsBlocks {
        actions.append(.hold(id, blocks: sequence.blocks, prompt: sequence.promptBlocks))
      }
      actions.append(.emit(id, token: token, usage: sequence.usage, finish: isLast ? sequence.finishReason : nil))
      if isLast {
        sequences.remove(at: index)
        running.removeAll { $0 == id }
        if !sequence.holdsBlocks { pool.release(sequence.blocks) }
        countEnd(of: sequence, at: step.endsAt)
        if sequence.adapter != nil { recordAdapters(at: step.endsAt) }
      }
    }
  }
}
