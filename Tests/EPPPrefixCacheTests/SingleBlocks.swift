import EPPCore

@testable import EPPPrefixCache

/// Blocks that are announced alone, as engines do with what they generate: block `number` is the token `number`.
extension KVEventBatch {
  mutating func store(
    _ number: UInt32, behind parent: UInt32?, on tier: StorageTier = .gpu, loRAName: String? = nil, group: Int? = nil
  ) {
    events.append(
      .stored(
        BlocksStored(
          hashes: hashes.count..<hashes.count + 1, parent: parent.map { UInt64($0) },
          tokens: tokens.count..<tokens.count + 1, blockTokens: 1, tier: tier, loRAName: loRAName, extraKeys: [],
          group: group, cacheKind: .wholePrefix)))
    hashes.append(UInt64(number))
    tokens.append(number)
  }

  mutating func remove(_ number: UInt32, from tier: StorageTier = .gpu) {
    events.append(.removed(BlocksRemoved(hashes: hashes.count..<hashes.count + 1, tier: tier, group: nil)))
    hashes.append(UInt64(number))
  }
}

extension PrefixIndex {
  /// Blocks of one token that an endpoint is known to hold of a prompt.
  func depth(_ tokens: [UInt32], at slot: EndpointSlot) -> Int {
    var match = PrefixMatch()
    var query = tokenQuery(tokens, blockTokens: 1)
    self.match(&query, into: &match)
    return match.matchedBlocks(slot)
  }
}
