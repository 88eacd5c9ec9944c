import EngineSimulator
import Testing

@Suite struct BlockChainTests {
  private let hasher = BlockHasher(.sha256CBOR)
  private let tokens = (0..<100).map { UInt32($0) }

  private func chain(
    _ tokens: [UInt32], adapter: LoadedAdapter? = nil, salt: String? = nil, blockTokens: Int = 16
  ) -> BlockChain {
    var chain = BlockChain(
      blockTokens: blockTokens, hasher: hasher, namespace: CacheNamespace(adapter: adapter, salt: salt))
    chain.append(tokens)
    return chain
  }

  @Test(arguments: [(0, 0, 0), (1, 0, 1), (16, 1, 1), (17, 1, 2), (100, 6, 7)])
  func onlyFullBlocksHaveHashes(tokens: Int, full: Int, taken: Int) {
    let made = chain(Array(self.tokens.prefix(tokens)))
    #expect(made.hashes.count == full)
    #expect(made.blocks(holding: tokens) == taken)
  }

  @Test func tokensOneByOneAreTheSameSequence() {
    var pieces = BlockChain(blockTokens: 16, hasher: hasher)
    for token in tokens { pieces.append([token]) }
    #expect(pieces.hashes == chain(tokens).hashes)
    #expect(pieces.tokens == tokens)
  }

  @Test func sequencesShareHashesUpToTheFirstDifference() {
    var other = tokens
    other[40] ^= 1
    let (changed, original) = (chain(other).hashes, chain(tokens).hashes)
    #expect(changed.prefix(2) == original.prefix(2))
    for block in 2..<original.count { #expect(changed[block] != original[block]) }
  }

  @Test func equalBlocksAtDifferentPlacesDiffer() {
    #expect(Set(chain(Array(repeating: 7, count: 16 * 50)).hashes).count == 50)
  }

  @Test func adaptersTheirPathsAndSaltsShareNothing() {
    let (a, ab) = (LoadedAdapter(name: "a", path: "a"), LoadedAdapter(name: "ab", path: "ab"))
    let chains = [
      chain(tokens), chain(tokens, adapter: a), chain(tokens, salt: "a"), chain(tokens, adapter: ab),
      chain(tokens, adapter: a, salt: "b"), chain(tokens, adapter: LoadedAdapter(name: "a", path: "b")),
    ]
    #expect(Set(chains.flatMap(\.hashes)).count == chains.count * 6)
  }
}
