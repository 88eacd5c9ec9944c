import EPPPrefixCache

/// What one engine's events say, in the plainest form: each prefix with its copies. Slow, and obviously right.
struct AnnouncedOracle {
  typealias Prefix = [UInt32]

  /// Copies by tier of each known prefix, named by its blocks. A prefix is known while it has copies, or while a known
  /// one is behind it.
  private(set) var copies: [Prefix: [StorageTier: Int]] = [:]
  /// Stores whose parent is not known yet, in the order in which they came.
  private var waiting: [(parent: Prefix, blocks: [UInt32], tier: StorageTier)] = []
  /// Whether a store on the GPU has told how large blocks are: others are not taken up before.
  private var isFollowing = false
  private(set) var hasCPU = false
  private(set) var hasStorage = false

  /// Blocks behind a prefix are stored.
  mutating func store(_ parent: Prefix, _ blocks: [UInt32], _ tier: StorageTier) {
    if tier == .gpu { isFollowing = true }
    guard isFollowing else { return }
    guard parent.isEmpty || copies[parent] != nil else {
      waiting.append((parent, blocks, tier))
      return
    }
    var prefix = parent
    for block in blocks {
      prefix.append(block)
      add(prefix, tier)
      let ready = waiting.filter { $0.parent == prefix }
      waiting.removeAll { $0.parent == prefix }
      for store in ready { self.store(store.parent, store.blocks, store.tier) }
    }
  }

  /// A known prefix has a copy on another tier; nothing is known of one that is not.
  mutating func relocate(_ prefix: Prefix, _ tier: StorageTier) {
    if copies[prefix] != nil { add(prefix, tier) }
  }

  private mutating func add(_ prefix: Prefix, _ tier: StorageTier) {
    if tier == .cpu { hasCPU = true }
    if tier == .storage { hasStorage = true }
    let count = copies[prefix]?[tier] ?? 0
    copies[prefix, default: [:]][tier] = min(15, count + 1)
  }

  mutating func remove(_ prefix: Prefix, _ tier: StorageTier) {
    guard let known = copies[prefix] else {
      removeWaiting(prefix, tier)
      return
    }
    if let count = known[tier], count > 0 { copies[prefix]?[tier] = count - 1 }
    // What has no copies and nothing behind it is not known any more, and then perhaps what is before it.
    var prefix = prefix
    while !prefix.isEmpty, let left = copies[prefix], left.values.allSatisfy({ $0 == 0 }),
      !copies.keys.contains(where: { $0.count == prefix.count + 1 && $0.starts(with: prefix) })
    {
      copies[prefix] = nil
      prefix.removeLast()
    }
  }

  private mutating func removeWaiting(_ prefix: Prefix, _ tier: StorageTier) {
    for position in waiting.indices {
      let store = waiting[position]
      guard store.tier == tier, prefix.count > store.parent.count, prefix.starts(with: store.parent),
        prefix.count <= store.parent.count + store.blocks.count, (store.parent + store.blocks).starts(with: prefix)
      else { continue }
      waiting[position].blocks.removeLast(store.parent.count + store.blocks.count - prefix.count + 1)
      if waiting[position].blocks.isEmpty { waiting.remove(at: position) }
      return
    }
  }

  /// Blocks that are there on one of the tiers, contiguous from the first.
  func depth(_ prompt: Prefix, _ tiers: [StorageTier]) -> Int {
    var depth = 0
    while depth < prompt.count, let known = copies[Array(prompt[...depth])],
      tiers.contains(where: { known[$0, default: 0] > 0 })
    {
      depth += 1
    }
    return depth
  }

  /// The three depths that count: on the GPU, on it or in the host's memory, and on any tier, as far as such have been
  /// seen.
  func depths(_ prompt: Prefix) -> (gpu: Int, gpuOrCPU: Int, anyTier: Int) {
    let gpu = depth(prompt, [.gpu])
    let gpuOrCPU = hasCPU ? max(gpu, depth(prompt, [.gpu, .cpu])) : gpu
    return (gpu, gpuOrCPU, hasStorage ? max(gpuOrCPU, depth(prompt, [.gpu, .cpu, .storage])) : gpuOrCPU)
  }
}
