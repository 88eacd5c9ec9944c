import EngineSimulator
import Testing

/// Bytes that msgspec, with which vLLM writes its events, makes of the same events.
@Suite struct KVEventEncoderTests {
  private func digits(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  private let hash: BlockHash = 0x1122_3344_5566_7788

  private func stored(extraKeys: [[String]]) -> CacheEvent {
    .stored(
      StoredBlocks(hashes: [hash], tokens: [1, 2, 300, 70_000], blockTokens: 4, extraKeys: extraKeys))
  }

  @Test func aStoredBlockAsAMapHasVLLMsBytes() {
    let bytes = KVEventEncoder(KVEventFormat()).encode([stored(extraKeys: [[]])], time: 1.5)
    #expect(
      digits(bytes) == """
        93cb3ff8000000000000918ba474797065ab426c6f636b53746f726564ac626c6f636b5f68617368657391cf1122334455667788b1706172656e74\
        5f626c6f636b5f68617368c0a9746f6b656e5f696473940102cd012cce00011170aa626c6f636b5f73697a6504a76c6f72615f6964c0a66d656469\
        756da3475055a96c6f72615f6e616d65c0aa65787472615f6b65797391c0a967726f75705f69647800b26b765f63616368655f737065635f6b696e\
        64ae66756c6c5f617474656e74696f6e00
        """)
  }

  @Test func aStoredBlockAsAnArrayHasVLLMsBytes() {
    let encoder = KVEventEncoder(KVEventFormat(encoding: .array))
    #expect(
      digits(encoder.encode([stored(extraKeys: [])], time: 1.5))
        == "93cb3ff80000000000009198ab426c6f636b53746f72656491cf1122334455667788c0940102cd012cce0001117004c0a3475055c000"
    )
  }

  @Test func hashesMayBeWhole() {
    let encoder = KVEventEncoder(KVEventFormat(hashes: .bytes), rank: 3)
    let whole = String(repeating: "0", count: 48) + "1122334455667788"
    #expect(
      digits(encoder.encode([.removed(hash), .cleared], time: 0)) == """
        93cb00000000000000009284a474797065ac426c6f636b52656d6f766564ac626c6f636b5f68617368657391c420\(whole)a66d656469756da34750\
        55a967726f75705f6964780081a474797065b0416c6c426c6f636b73436c656172656403
        """)
  }
}
