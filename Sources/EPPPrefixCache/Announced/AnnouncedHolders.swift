import EPPCore

/// The holders of one engine's cache in the block index: one for each set of tiers, GPU, GPU or CPU, and any tier. Only the
/// first exists until another tier is used.
struct AnnouncedHolders {
  /// Keys whose cache misses overlap.
  private static let batchBlocks = 32

  private var gpu: Holder?
  private var gpuOrCPU: Holder?
  private var anyTier: Holder?
  /// Whether the index has been told of holes, for each holder.
  private var holes = (gpu: false, gpuOrCPU: false, anyTier: false)

  /// The existing holders, each with its tiers.
  var all: [(holder: Holder, tiers: [StorageTier])] {
    [(gpu, [.gpu]), (gpuOrCPU, [.gpu, .cpu]), (anyTier, [.gpu, .cpu, .storage])].compactMap { holder, tiers in
      holder.map { ($0, tiers) }
    }
  }

  /// Tiers that blocks have ever been on.
  var usedTiers: [StorageTier] {
    [(gpu, StorageTier.gpu), (gpuOrCPU, .cpu), (anyTier, .storage)].compactMap { $0 == nil ? nil : $1 }
  }

  /// Whether a block is in the GPU's memory.
  func isOnGPU(_ key: BlockKey, _ writer: borrowing BlockIndexWriter) -> Bool {
    guard let gpu else { return false }
    return writer.holds(key, gpu)
  }

  /// Adds a copy of a block on a tier.
  ///
  /// - Parameter blocks: all known blocks, this one included.
  mutating func insert(
    _ key: BlockKey, _ tier: StorageTier, of slot: EndpointSlot, _ blocks: borrowing AnnouncedBlocks,
    _ writer: inout BlockIndexWriter
  ) {
    if tier == .gpu {
      if let gpu { writer.insert(key, gpu) } else { gpu = make(.gpu, [.gpu], slot, blocks, &writer) }
    } else {
      begin(upTo: tier, slot, blocks, &writer)
    }
    if tier != .storage, let gpuOrCPU { writer.insert(key, gpuOrCPU) }
    if let anyTier { writer.insert(key, anyTier) }
  }

  /// Removes a block from the holders whose tiers it has left.
  func remove(_ key: BlockKey, _ departure: AnnouncedBlocks.Departure, _ writer: inout BlockIndexWriter) {
    if departure.fromGPU, let gpu { writer.remove(key, gpu) }
    if departure.fromGPUAndCPU, let gpuOrCPU { writer.remove(key, gpuOrCPU) }
    if departure.fromAll, let anyTier { writer.remove(key, anyTier) }
  }

  /// Creates the holders for blocks that have been on these tiers; false when the index has no holder left.
  mutating func make(
    for tiers: [StorageTier], of slot: EndpointSlot, _ blocks: borrowing AnnouncedBlocks,
    _ writer: inout BlockIndexWriter
  ) -> Bool {
    if tiers.contains(.gpu) {
      guard let holder = make(.gpu, [.gpu], slot, blocks, &writer) else { return false }
      gpu = holder
    }
    for tier in tiers where tier != .gpu { begin(upTo: tier, slot, blocks, &writer) }
    return true
  }

  /// Tells the index which holders have holes.
  mutating func publishHoles(_ counts: HoleCounts, _ writer: inout BlockIndexWriter) {
    Self.publish(counts.gpu > 0, of: gpu, &holes.gpu, &writer)
    Self.publish(counts.gpuOrCPU > 0, of: gpuOrCPU, &holes.gpuOrCPU, &writer)
    Self.publish(counts.anyTier > 0, of: anyTier, &holes.anyTier, &writer)
  }

  @inline(__always)
  private static func publish(
    _ hasHoles: Bool, of holder: Holder?, _ published: inout Bool, _ writer: inout BlockIndexWriter
  ) {
    guard hasHoles != published, let holder else { return }
    writer.setHoles(hasHoles, of: holder)
    published = hasHoles
  }

  /// Creates the holder for a slower tier, with its first block.
  private mutating func begin(
    upTo tier: StorageTier, _ slot: EndpointSlot, _ blocks: borrowing AnnouncedBlocks, _ writer: inout BlockIndexWriter
  ) {
    if tier == .cpu, gpuOrCPU == nil { gpuOrCPU = make(.gpuOrCPU, [.gpu, .cpu], slot, blocks, &writer) }
    if tier == .storage, anyTier == nil { anyTier = make(.anyTier, [.gpu, .cpu, .storage], slot, blocks, &writer) }
  }

  /// A holder with all blocks that are known on its tiers; nil when there are too many holders.
  private mutating func make(
    _ residency: Residency, _ tiers: [StorageTier], _ slot: EndpointSlot, _ blocks: borrowing AnnouncedBlocks,
    _ writer: inout BlockIndexWriter
  ) -> Holder? {
    var owner = HolderOwner(slot: slot, residency: residency)
    // Readers may come by before all of a prefix is there.
    owner.hasHoles = true
    guard let holder = writer.makeHolder(owner) else { return nil }
    switch residency {
    case .gpu: holes.gpu = true
    case .gpuOrCPU: holes.gpuOrCPU = true
    default: holes.anyTier = true
    }
    let keys = blocks.keys(on: tiers)
    for (position, key) in keys.enumerated() {
      if position % Self.batchBlocks == 0 {
        for ahead in keys[position...].prefix(Self.batchBlocks) { writer.prefetch(ahead) }
      }
      writer.insert(key, holder)
    }
    return holder
  }
}
