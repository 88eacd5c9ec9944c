import EPPCore
import EPPPrefixCache

/// Learning what the engine held before the stream was followed from its beginning.
extension KVStream {
  /// A twentieth of a core at most is spent on hashes: 1.5 µs a block.
  private static let timePerBlock = Duration.microseconds(30)
  /// Blocks of a prompt that are hashed.
  private static let maximumBlocks = 8_192

  /// Looks at what became of a batch: where blocks were announced whose parents are not known, prompts may tell.
  func noteOrphans(_ counts: AnnouncedCounts) {
    if counts.orphaned > 0 { hasOrphans = true }
    guard hasOrphans, !isAdopting, case .known = hashCheck.verdict else { return }
    hasOrphans = false
    isAdopting = true
    context.index.setAdopting(true, endpoint.slot)
  }

  /// Whether there is still something to be found.
  func tickAdoption() {
    if isAdopting, context.index.waitingBlocks(of: endpoint.slot, rank: address.rank) == 0 { isAdopting = false }
  }

  /// A prompt is sent to the engine.
  func adopt(_ tokens: [UInt32]) {
    let now = context.now()
    guard isAdopting, case .known(let hasher) = hashCheck.verdict, now >= nextAdoption else { return }
    let blockTokens = context.index.currentAnnouncements().blockTokens
    let prompt =
      tokens.count > Self.maximumBlocks * blockTokens ? Array(tokens[..<(Self.maximumBlocks * blockTokens)]) : tokens
    let hashes = hasher.hashes(of: prompt, blockTokens: blockTokens)
    nextAdoption = now.advanced(by: Self.timePerBlock * hashes.count)
    context.series.count(adopted: context.index.adopt(prompt, hashes, from: endpoint.slot, rank: address.rank))
  }
}
