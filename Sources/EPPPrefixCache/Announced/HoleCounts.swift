/// The number of holes, for each set of tiers: blocks with children and without a copy on these tiers. Prefixes through them
/// are not contiguous.
struct HoleCounts: Equatable {
  /// Blocks with children and without a copy on the GPU.
  private(set) var gpu = 0
  /// Blocks with children and without a copy on GPU or CPU.
  private(set) var gpuOrCPU = 0
  /// Blocks with children and without a copy on any tier.
  private(set) var anyTier = 0

  /// Adds `change` to the counts that a block with these copies belongs to.
  ///
  /// - Parameter copies: the number of copies on each tier, four bits for each, as in an entry.
  @inline(__always)
  mutating func count(_ copies: UInt32, _ change: Int) {
    if copies & 0xF == 0 { gpu += change }
    if copies & 0xFF == 0 { gpuOrCPU += change }
    if copies == 0 { anyTier += change }
  }

  /// Updates the counts for a block with children whose copies have changed.
  @inline(__always)
  mutating func move(from before: UInt32, to after: UInt32) {
    count(before, -1)
    count(after, 1)
  }
}
