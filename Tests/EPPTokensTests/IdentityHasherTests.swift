import Testing

@testable import EPPTokens

@Suite struct IdentityHasherTests {
  private let secret = IdentitySecret()

  private func identity(_ parts: [[UInt8]], _ secret: IdentitySecret? = nil) -> PromptIdentity {
    var hasher = IdentityHasher(secret ?? self.secret)
    for part in parts { unsafe hasher.update(part.span.bytes) }
    return hasher.identity
  }

  @Test func partsAreNotTakenForEachOther() {
    let parts: [[[UInt8]]] = [[], [[]], [[], []], [[0]], [[0, 0]], [[0], [0]], [[1]], [[0], [1]], [[0, 1]]]
    #expect(Set(parts.map { identity($0) }).count == parts.count)
    #expect(identity([[1, 2], [3]]) == identity([[1, 2], [3]]))
    #expect(identity([[1]]) != identity([[1]], IdentitySecret()))
  }

  /// Texts of any length that differ in any one bit, or in a zero at their end.
  @Test func everyBitCounts() {
    var seen: Set<PromptIdentity> = []
    var count = 0
    for length in [1, 7, 8, 63, 64, 65, 127, 128, 129, 200] {
      let text = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ 11) }
      seen.insert(identity([text]))
      seen.insert(identity([text + [0]]))
      count += 2
      for bit in 0..<(8 * length) {
        var other = text
        other[bit / 8] ^= 1 << UInt8(bit % 8)
        seen.insert(identity([other]))
        count += 1
      }
    }
    #expect(seen.count == count)
  }
}
