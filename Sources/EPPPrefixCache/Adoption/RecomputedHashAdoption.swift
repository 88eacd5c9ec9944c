package import EPPCore

/// Adopts blocks by computing the engine's hashes of a prompt's blocks, for engines whose hashes can be computed.
package final class RecomputedHashAdoption: LateJoinAdoption {
  /// The pause after a prompt for each hashed block: at 1.5 µs a hash, hashing takes at most a twentieth of a core.
  private static let timePerBlock = Duration.microseconds(30)
  /// The largest number of blocks of one prompt that are hashed.
  private static let maximumBlocks = 8_192

  private let index: PrefixIndex
  private let slot: EndpointSlot
  private let rank: Int
  private var check = EngineHashCheck()
  /// Whether blocks with unknown parents were announced.
  private var hasOrphans = false
  /// When the next prompt may be hashed.
  private var nextAt = MonotonicTime(nanoseconds: 0)
  package private(set) var wantsPrompts = false

  /// An adoption for one rank of the endpoint in `slot`.
  package init(_ index: PrefixIndex, _ slot: EndpointSlot, rank: Int) {
    self.index = index
    self.slot = slot
    self.rank = rank
  }

  /// `sha256`, `sha256_cbor`, `other`, or `unknown`.
  package var blockHashes: String {
    switch check.verdict {
    case .open: "unknown"
    case .known(let hasher): hasher.algorithm.rawValue
    case .foreign: "other"
    }
  }

  package func willApply(_ batch: borrowing KVEventBatch) { if check.isOpen { check.see(batch) } }

  package func didApply(_ counts: AnnouncedCounts) {
    if counts.orphaned > 0 { hasOrphans = true }
    guard hasOrphans, !wantsPrompts, case .known = check.verdict else { return }
    hasOrphans = false
    wantsPrompts = true
  }

  package func engineRestarted() { check = EngineHashCheck() }

  package func take(prompt tokens: [UInt32], at now: MonotonicTime) -> AnnouncedCounts {
    guard wantsPrompts, case .known(let hasher) = check.verdict, now >= nextAt else { return AnnouncedCounts() }
    let blockTokens = index.currentAnnouncements().blockTokens
    let limit = Self.maximumBlocks * blockTokens
    let prompt = tokens.count > limit ? Array(tokens[..<limit]) : tokens
    let hashes = hasher.hashes(of: prompt, blockTokens: blockTokens)
    nextAt = now.advanced(by: Self.timePerBlock * hashes.count)
    return index.adopt(prompt, hashes, from: slot, rank: rank)
  }

  package func tick() {
    if wantsPrompts, index.waitingBlocks(of: slot, rank: rank) == 0 { wantsPrompts = false }
  }
}
