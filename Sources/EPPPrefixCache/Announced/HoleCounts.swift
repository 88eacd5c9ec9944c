/// Blocks that are not there while others are known behind them, by the slowest tier that counts: the prefixes that lead
/// through them have holes.
struct HoleCounts: Equatable {
  private(set) var gpu = 0
  private(set) var gpuOrCPU = 0
  private(set) var anyTier = 0

  /// Counts a block with others behind it, or takes it back.
  ///
  /// - Parameter copies: as an entry has them, four bits for each tier.
  @inline(__always)
  mutating func count(_ copies: UInt32, _ change: Int) {
    if copies & 0xF == 0 { gpu += change }
    if copies & 0xFF == 0 { gpuOrCPU += change }
    if copies == 0 { anyTier += change }
  }

  /// The copies of a block with others behind it are others now.
  @inline(__always)
  mutating func move(from before: UInt32, to after: UInt32) {
    count(before, -1)
    count(after, 1)
  }
}
