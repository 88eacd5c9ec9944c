import EngineSimulator
import Testing

@Suite struct BlockChainTests {
  private func chain(_ text: String, adapter: String? = nil, salt: String? = nil) -> BlockChain {
    var chain = BlockChain(adapter: adapter, salt: salt)
    chain.append(text.utf8)
    return chain
  }

  private let text = String(repeating: "The quick brown fox jumps over the lazy dog. ", count: 10)

  @Test(arguments: [(0, 0), (1, 1), (4, 1), (5, 2), (64, 16), (65, 17), (128, 32)])
  func aTokenIsFourBytes(bytes: Int, tokens: Int) {
    let made = chain(String(repeating: "x", count: bytes))
    #expect(made.tokens == tokens)
    #expect(made.hashes.count == bytes / 64)
  }

  @Test func textInPiecesIsTheSameText() {
    var pieces = BlockChain()
    for byte in text.utf8 { pieces.append([byte]) }
    #expect(pieces.hashes == chain(text).hashes)
    #expect(pieces.digest == chain(text).digest)
  }

  @Test func sequencesShareHashesUpToTheFirstDifference() {
    var other = Array(text.utf8)
    other[130] ^= 1
    var changed = BlockChain()
    changed.append(other)
    let original = chain(text).hashes
    #expect(changed.hashes.prefix(2) == original.prefix(2))
    for block in 2..<original.count { #expect(changed.hashes[block] != original[block]) }
  }

  @Test func equalBlocksAtDifferentPlacesDiffer() {
    let repeated = chain(String(repeating: "a", count: 64 * 50))
    #expect(Set(repeated.hashes).count == 50)
  }

  @Test func adaptersAndSaltsShareNothing() {
    let chains = [
      chain(text), chain(text, adapter: "a"), chain(text, salt: "a"), chain(text, adapter: "ab"),
      chain(text, adapter: "a", salt: "b"), chain(text, adapter: "", salt: ""),
    ]
    #expect(Set(chains.flatMap(\.hashes)).count == chains.count * chain(text).hashes.count)
  }
}
