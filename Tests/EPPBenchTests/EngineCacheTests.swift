import Testing

@testable import epp_bench

@Suite struct EngineCacheTests {
  @Test func whatWasServedIsHeldFromItsBeginning() {
    var cache = EngineCache<Int>(capacity: 10)
    let first = cache.serve([1, 2, 3, 4])
    #expect(first.held == 0 && first.dropped.isEmpty)
    let second = cache.serve([1, 2, 9])
    #expect(second.held == 2 && second.dropped.isEmpty)
    #expect(cache.count == 5)
    #expect(cache.depth([1, 2, 3, 4, 5]) == 4)
    #expect(cache.depth([2, 3]) == 2)
    #expect(cache.depth([7, 1]) == 0)
  }

  @Test func theTailOfTheOldestPromptIsDroppedFirst() {
    var cache = EngineCache<Int>(capacity: 6)
    _ = cache.serve([1, 2, 3, 4])
    _ = cache.serve([11, 12])
    #expect(cache.serve([21, 22, 23]).dropped == [4, 3, 2])
    #expect(cache.depth([1, 2]) == 1)
    #expect(cache.depth([11, 12]) == 2)
  }

  @Test func aSharedBeginningStaysWithItsLatestUse() {
    var cache = EngineCache<Int>(capacity: 6)
    _ = cache.serve([1, 2, 3, 4])
    _ = cache.serve([11, 12])
    _ = cache.serve([1, 2])
    #expect(cache.serve([21, 22, 23]).dropped == [4, 3, 12])
    #expect(cache.depth([1, 2, 3]) == 2)
  }

  @Test func aPromptNeverPushesItsOwnBlocksOut() {
    var cache = EngineCache<Int>(capacity: 4)
    _ = cache.serve([1, 2])
    _ = cache.serve([11, 12])
    let served = cache.serve([1, 2, 3, 4, 5, 6])
    #expect(served.held == 2 && served.dropped == [12, 11])
    #expect(cache.depth([1, 2, 3, 4, 5]) == 4)
  }

  /// The queue of releases is rebuilt now and then: what is held must not change by it.
  @Test func theCapacityHoldsOverManyPrompts() {
    var cache = EngineCache<Int>(capacity: 50)
    var held: Set<Int> = []
    for number in 0..<2_000 {
      let prompt = (0..<(5 + number % 20)).map { (number * 7919 % 40) * 100 + $0 }
      let served = cache.serve(prompt)
      #expect(served.dropped.allSatisfy { held.remove($0) != nil })
      held.formUnion(prompt)
      #expect(cache.count == held.count && held.count <= 50)
    }
  }
}
