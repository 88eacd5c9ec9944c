import EPPCore

/// One cache of one endpoint in the index. The index's writer assigns and frees its number; its `HolderOwner` says which cache
/// it is.
struct Holder: Hashable, Sendable {
  /// 0..<`maximumCount`.
  var number: Int

  /// The largest number of holders at one time: sets name them by 16 bits, and 0 is no holder.
  static let maximumCount = 65_535
}

/// Why an endpoint is taken to hold a block.
enum Residency: Int, CaseIterable, Sendable {
  /// The engine has announced it, on the GPU.
  case gpu
  /// The engine has announced it, on the GPU or in the host's memory.
  case gpuOrCPU
  /// The engine has announced it, on any tier.
  case anyTier
  /// A request for it was sent there recently, and the engine is expected to announce it.
  case speculative
  /// Requests for it were sent there, and the endpoint's capacity suggests that it is still there.
  case routed
}

/// The endpoint and the kind of cache of a holder, as published to readers.
struct HolderOwner: Equatable, Sendable {
  var slot: EndpointSlot
  var residency: Residency
  /// Whether blocks may be held without all blocks before them: a depth found by bisection then has to be checked.
  var hasHoles = false

  init(slot: EndpointSlot, residency: Residency) {
    self.slot = slot
    self.residency = residency
  }

  /// Unpacks an owner; nil for 0, which is no owner.
  @inline(__always)
  init?(packed: UInt64) {
    guard packed != 0, let residency = Residency(rawValue: Int(packed >> 1 & 7)) else { return nil }
    slot = EndpointSlot(index: Int(packed >> 16 & 0xFFFF), generation: UInt32(truncatingIfNeeded: packed >> 32))
    self.residency = residency
    hasHoles = packed & 16 != 0
  }

  /// The owner in one word, not 0.
  var packed: UInt64 {
    UInt64(slot.generation) << 32 | UInt64(slot.index) << 16 | (hasHoles ? 16 : 0) | UInt64(residency.rawValue) << 1 | 1
  }
}
