package import EPPCore

/// How much of a request's prompts each endpoint holds, by slot. Each worker thread keeps one and reuses its storage.
///
/// The answer is 0 for an endpoint that holds nothing, and for an earlier or later endpoint of its slot.
package struct PrefixMatch: Sendable {
  private struct Entry {
    /// The number of the match that wrote the entry.
    var round: UInt32 = 0
    var generation: UInt32 = 0
    /// The index of the prompt that `depths` refers to.
    var prompt: Int32 = -1
    /// Blocks of the current prompt, by residency.
    var depths = InlineArray<5, Int32>(repeating: 0)
    /// Blocks of all finished prompts, on any tier.
    var blocks: Int32 = 0
    /// Blocks of all finished prompts that the engine will not compute again.
    var reusable: Int32 = 0
    /// Part of `reusable` that the engine has announced.
    var announced: Int32 = 0
    /// Blocks of all finished prompts, weighted by tier.
    var worth: Float = 0
  }

  /// The depth to which a holder with holes may hold the current prompt.
  struct Claim {
    var holder: Int
    var owner: HolderOwner
    var depth: Int
  }

  private var entries = [Entry](repeating: Entry(), count: EndpointSlot.capacity)
  private var round: UInt32 = 0
  private var prompt: Int32 = 0
  /// Slots at which the current prompt has been found.
  private var touched: [Int32] = []
  /// Holders whose depth has to be checked.
  private(set) var claims: [Claim] = []
  /// The index of a holder's claim; it may be outdated, of an earlier prompt.
  private var claimOfHolder: [Int32] = []
  /// The reading thread's registration in the index that was last matched.
  var reader: EpochDomain.Reader?
  /// Full blocks of the request's prompts.
  package private(set) var totalBlocks = 0
  /// Tokens in a block.
  package private(set) var blockTokens = 1

  /// A match without results.
  package init() {}

  // MARK: - Answers

  /// Blocks that the endpoint holds on any tier, contiguous from the first of each prompt, summed over the prompts.
  @inline(__always)
  package func matchedBlocks(_ slot: EndpointSlot) -> Int {
    let entry = entries[slot.index]
    return entry.round == round && entry.generation == slot.generation ? Int(entry.blocks) : 0
  }

  /// The share of the blocks that the endpoint holds, 0...1, where blocks on slower tiers count less; 0 when there are no
  /// blocks.
  @inline(__always)
  package func ratio(_ slot: EndpointSlot) -> Double {
    let entry = entries[slot.index]
    guard totalBlocks > 0, entry.round == round, entry.generation == slot.generation else { return 0 }
    return Double(entry.worth) / Double(totalBlocks)
  }

  /// Tokens of the blocks that the endpoint holds.
  @inline(__always)
  package func matchedTokens(_ slot: EndpointSlot) -> Int { matchedBlocks(slot) * blockTokens }

  /// Tokens that the engine will take from its cache: of a prompt of n tokens min(depth, ⌊(n-1)/block⌋) blocks, because it
  /// always computes the last token (observed with vLLM 0.22 and 0.32).
  package func reusableTokens(_ slot: EndpointSlot) -> Int {
    let entry = entries[slot.index]
    return entry.round == round && entry.generation == slot.generation ? Int(entry.reusable) * blockTokens : 0
  }

  /// Part of `reusableTokens` that the engine has announced.
  package func announcedTokens(_ slot: EndpointSlot) -> Int {
    let entry = entries[slot.index]
    return entry.round == round && entry.generation == slot.generation ? Int(entry.announced) * blockTokens : 0
  }

  /// Whether the engine has announced all of `reusableTokens`, so that its report must agree.
  package func isAnnounced(_ slot: EndpointSlot) -> Bool {
    let entry = entries[slot.index]
    guard entry.round == round, entry.generation == slot.generation else { return true }
    return entry.announced == entry.reusable
  }

  // MARK: - Matching

  /// Forgets the previous match.
  mutating func begin(totalBlocks: Int, blockTokens: Int) {
    self.totalBlocks = totalBlocks
    self.blockTokens = blockTokens
    prompt = 0
    touched.removeAll(keepingCapacity: true)
    claims.removeAll(keepingCapacity: true)
    round &+= 1
    // Once in 4 billion matches the numbers come round again.
    if round == 0 {
      for index in entries.indices { entries[index] = Entry() }
      round = 1
    }
  }

  /// Records that an endpoint holds the first `depth` blocks of the current prompt.
  @inline(__always)
  mutating func note(_ owner: HolderOwner, depth: Int) {
    let index = owner.slot.index
    guard index < entries.count else { return }
    if entries[index].round != round {
      entries[index] = Entry(round: round, generation: owner.slot.generation)
    } else if owner.slot.isLater(than: entries[index].generation) {
      // The slot has changed hands during this match. It is counted once for a prompt.
      entries[index] = Entry(round: round, generation: owner.slot.generation, prompt: entries[index].prompt)
    }
    // An earlier endpoint's: it is being removed.
    guard entries[index].generation == owner.slot.generation else { return }
    if entries[index].prompt != prompt {
      entries[index].prompt = prompt
      entries[index].depths = InlineArray(repeating: 0)
      touched.append(Int32(index))
    }
    let residency = owner.residency.rawValue
    entries[index].depths[residency] = max(entries[index].depths[residency], Int32(depth))
  }

  /// Records that a holder with holes holds some of the first `depth` blocks of the current prompt. Depths of one holder must
  /// not decrease.
  mutating func claim(_ holder: Int, _ owner: HolderOwner, depth: Int) {
    if claimOfHolder.count <= holder {
      claimOfHolder.append(contentsOf: repeatElement(0, count: holder + 1 - claimOfHolder.count))
    }
    let index = Int(claimOfHolder[holder])
    if index < claims.count, claims[index].holder == holder {
      claims[index].depth = depth
    } else {
      claimOfHolder[holder] = Int32(claims.count)
      claims.append(Claim(holder: holder, owner: owner, depth: depth))
    }
  }

  /// Adds the results of the current prompt to the sums, and goes on to the next prompt.
  ///
  /// - Parameters:
  ///   - worth: the weights of the tiers.
  ///   - reusable: blocks of the prompt that an engine can take from its cache.
  mutating func endPrompt(_ worth: TierWeights, reusable: Int) {
    for slot in touched {
      let depths = entries[Int(slot)].depths
      let gpu = depths[Residency.gpu.rawValue]
      let gpuOrCPU = max(gpu, depths[Residency.gpuOrCPU.rawValue])
      let anyTier = max(gpuOrCPU, depths[Residency.anyTier.rawValue])
      let expected = max(depths[Residency.speculative.rawValue], depths[Residency.routed.rawValue])
      entries[Int(slot)].blocks += max(anyTier, expected)
      entries[Int(slot)].reusable += min(max(anyTier, expected), Int32(reusable))
      entries[Int(slot)].announced += min(anyTier, Int32(reusable))
      let tiered =
        Float(gpu) * worth.gpu + Float(gpuOrCPU - gpu) * worth.cpu + Float(anyTier - gpuOrCPU) * worth.storage
      entries[Int(slot)].worth += max(tiered, Float(expected))
    }
    touched.removeAll(keepingCapacity: true)
    claims.removeAll(keepingCapacity: true)
    prompt += 1
  }
}

/// The weight of a block in scores by its tier, 0...1: the slower the tier, the more of the saved time is spent on fetching the
/// block. The values for GPU and CPU are llm-d's.
package struct TierWeights: Equatable, Sendable {
  /// In the memory of the GPU.
  package var gpu: Float = 1
  /// In the host's memory.
  package var cpu: Float = 0.8
  /// On disks or remote storage.
  package var storage: Float = 0.5

  /// The default weights.
  package init() {}
}
