import EPPCore

/// One cache of one endpoint as the index sees it: what may hold blocks. A number that is given out and taken back by the
/// index's writer; what it stands for is told by its `HolderOwner`.
struct Holder: Hashable, Sendable {
  /// 0..<`maximumCount`.
  var number: Int

  /// How many there can be at one time: they are named by 16 bits in sets, and 0 is no holder.
  static let maximumCount = 65_535
}

/// In what way an endpoint holds a block.
enum Residency: Int, CaseIterable, Sendable {
  /// The engine has announced it, in the memory of its GPU.
  case gpu
  /// The engine has announced it, in the GPU's memory or the host's.
  case gpuOrCPU
  /// The engine has announced it, on any tier.
  case anyTier
  /// A request was sent there a moment ago that will make the engine hold it.
  case speculative
  /// Requests were sent there that made the engine hold it, as far as its capacity tells.
  case routed
}

/// What a holder stands for, as it is published to readers.
struct HolderOwner: Equatable, Sendable {
  var slot: EndpointSlot
  var residency: Residency
  /// Blocks are held behind ones that are not: a depth that was found by bisection has to be looked at again.
  var hasHoles = false

  init(slot: EndpointSlot, residency: Residency) {
    self.slot = slot
    self.residency = residency
  }

  /// Nil for 0: nobody's.
  @inline(__always)
  init?(packed: UInt64) {
    guard packed != 0, let residency = Residency(rawValue: Int(packed >> 1 & 7)) else { return nil }
    slot = EndpointSlot(index: Int(packed >> 16 & 0xFFFF), generation: UInt32(truncatingIfNeeded: packed >> 32))
    self.residency = residency
    hasHoles = packed & 16 != 0
  }

  var packed: UInt64 {
    UInt64(slot.generation) << 32 | UInt64(slot.index) << 16 | (hasHoles ? 16 : 0) | UInt64(residency.rawValue) << 1 | 1
  }
}
