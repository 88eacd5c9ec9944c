import EPPCore
import EPPTestKit
import Testing

@Suite struct DeadlineHeapTests {
  private final class Owner: DeadlineOwner {
    var deadlinePosition: Int?
    let number: Int
    init(_ number: Int) { self.number = number }
    func deadlinePassed() {}
  }

  @Test func theEarliestComesFirst() {
    var heap = DeadlineHeap()
    let owners = [30, 10, 20, 10].enumerated().map { (Owner($0.offset), UInt64($0.element)) }
    for (owner, time) in owners { heap.set(.milliseconds(time), for: owner) }
    #expect(heap.next == .milliseconds(10))
    #expect(heap.takeDue(now: .milliseconds(9)) == nil)
    var taken: [Int] = []
    while let owner = heap.takeDue(now: .milliseconds(20)) as? Owner { taken.append(owner.number) }
    #expect(Set(taken[..<2]) == [1, 3] && taken[2] == 2 && taken.count == 3)
    #expect(owners.map { $0.0.deadlinePosition == nil } == [false, true, true, true])
    // What has none is not taken out twice.
    heap.remove(owners[1].0)
    #expect(heap.next == .milliseconds(30))
  }

  /// Against a list that is searched.
  @Test(arguments: 0..<20) func anyOrderOfChangesIsThatOfAList(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    var heap = DeadlineHeap()
    var model: [Int: UInt64] = [:]
    let owners = (0..<50).map { Owner($0) }
    for _ in 0..<2000 {
      let owner = owners[Int.random(in: owners.indices, using: &generator)]
      switch Int.random(in: 0..<4, using: &generator) {
      case 0:
        heap.remove(owner)
        model[owner.number] = nil
      case 1:
        let now = UInt64.random(in: 0..<1000, using: &generator)
        guard let due = heap.takeDue(now: .milliseconds(now)) as? Owner else {
          #expect(model.values.allSatisfy { $0 > now })
          continue
        }
        #expect(model[due.number] == model.values.min() && (model[due.number] ?? .max) <= now)
        model[due.number] = nil
      default:
        let time = UInt64.random(in: 0..<1000, using: &generator)
        heap.set(.milliseconds(time), for: owner)
        model[owner.number] = time
      }
      #expect(heap.next == model.values.min().map { .milliseconds($0) })
    }
  }
}
