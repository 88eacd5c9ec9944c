import Testing

@testable import epp_bench

@Suite struct AllocationCountTests {
  @Test(.enabled(if: AllocationCount.isCounted)) func arraysAreCounted() {
    var kept: [[Int]] = []
    kept.reserveCapacity(100)
    let before = AllocationCount.now()
    for number in 0..<100 { kept.append([number, number]) }
    let after = AllocationCount.now()
    #expect(after - before == 100)
    // Storage that is there is used again.
    kept.removeAll(keepingCapacity: true)
    let emptied = AllocationCount.now()
    for _ in 0..<100 { kept.append([]) }
    #expect(AllocationCount.now() == emptied)
  }
}
