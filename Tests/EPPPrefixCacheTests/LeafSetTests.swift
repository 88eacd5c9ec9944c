import EPPTestKit
import Testing

@testable import EPPPrefixCache

@Suite struct LeafSetTests {
  @Test func aRoundComesByAllOfThem() {
    var leaves = LeafSet()
    #expect(leaves.next(after: 0) == nil)
    let numbers = [0, 1, 63, 64, 200, 640]
    for number in numbers { leaves.insert(number) }
    var found: [Int] = []
    var hand = 640
    for _ in numbers {
      hand = leaves.next(after: hand) ?? -1
      found.append(hand)
    }
    #expect(found == numbers)
    // One beyond all, as a hand may stand that belonged to more of them.
    #expect(leaves.next(after: 1_000_000) == 0)
    #expect(leaves.next(after: 65) == 200)
    for number in numbers where number != 64 { leaves.remove(number) }
    #expect(leaves.next(after: 64) == 64)
    #expect(leaves.next(after: 70) == 64)
    #expect(leaves.next(after: 3) == 64)
    leaves.remove(64)
    #expect(leaves.next(after: 3) == nil)
  }

  @Test(arguments: 0..<8 as Range<UInt64>) func itFindsWhatALookAtAllFinds(_ seed: UInt64) {
    var dice = SeededGenerator(seed: seed)
    var leaves = LeafSet()
    var model: Set<Int> = []
    leaves.insert(999)
    leaves.remove(999)
    for _ in 0..<2_000 {
      let number = Int.random(in: 0..<1000, using: &dice)
      if model.contains(number) {
        model.remove(number)
        leaves.remove(number)
      } else if model.count < 12 {
        model.insert(number)
        leaves.insert(number)
      }
      let hand = Int.random(in: 0..<1000, using: &dice)
      #expect(leaves.next(after: hand) == (model.filter { $0 > hand }.min() ?? model.min()))
    }
  }
}
