import EPPCore
import EPPTestKit
import Testing

@testable import EPPPrefixCache

/// The table alone, with more blocks for some buckets than these have slots.
@Suite struct BlockTableTests {
  /// Keys of one segment whose home is one of the first two of its 64 buckets; nothing else of them is the same.
  private func crowdedKey(_ dice: inout SeededGenerator) -> BlockKey {
    let home = UInt64.random(in: 0..<1 << 27, using: &dice)
    let rest = UInt64.random(in: 0..<256, using: &dice)
    return BlockKey(rawValue: 5 << 54 | rest << 44 | home << 12)
  }

  @Test(arguments: 0..<6 as Range<UInt64>) func crowdedBucketsLoseNothing(_ seed: UInt64) throws {
    var dice = SeededGenerator(seed: seed)
    let table = try #require(BlockTable())
    var writer = BlockTableWriter(table, EpochDomain())
    var model: [UInt64: UInt32] = [:]
    var keys: [BlockKey] = []
    for step in 1...4_000 as ClosedRange<UInt32> {
      if keys.count < 60, keys.isEmpty || Int.random(in: 0..<100, using: &dice) < 52 {
        let key = crowdedKey(&dice)
        let set = HolderSetID(rawValue: step)
        let isEntered: Bool
        switch writer.find(key) {
        case .held: continue
        case .free(let position): isEntered = writer.insert(key, set, free: position)
        case .nowhere: isEntered = writer.insert(key, set, free: nil)
        }
        try #require(isEntered)
        keys.append(key)
        model[key.rawValue] = step
      } else {
        let key = keys.remove(at: Int.random(in: keys.indices, using: &dice))
        model[key.rawValue] = nil
        guard case .held(let position) = writer.find(key) else {
          Issue.record("the writer does not find a block that is there")
          return
        }
        writer.remove(key, at: position)
        #expect(table.set(of: key).isEmpty)
      }
      for key in keys { #expect(table.set(of: key).rawValue == model[key.rawValue]) }
    }
    let count = writer.count
    #expect(count == keys.count)
    table.deallocate()
  }
}
