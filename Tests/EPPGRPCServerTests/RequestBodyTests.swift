import CGRPCShim
import Testing

@testable import EPPGRPCServer

@Suite struct BodyBudgetTests {
  @Test func itGivesWhatItHasAndNoMore() {
    let budget = BodyBudget(limit: 100)
    #expect(budget.take(60))
    #expect(!budget.take(41))
    #expect(budget.heldBytes == 60)
    #expect(budget.take(40))
    budget.giveBack(100)
    #expect(budget.heldBytes == 0)
  }

  /// Threads that ask for more than there ever is do not make those fail that ask for little.
  @Test func whoAsksForTooMuchIsInNobodysWay() async {
    let budget = BodyBudget(limit: 1000)
    await withTaskGroup(of: Int.self) { group in
      for _ in 0..<2 {
        group.addTask {
          for _ in 0..<100_000 where budget.take(2000) { return 1 }
          return 0
        }
      }
      group.addTask {
        var refused = 0
        for _ in 0..<100_000 {
          if budget.take(10) { budget.giveBack(10) } else { refused += 1 }
        }
        return refused
      }
      for await failures in group { #expect(failures == 0) }
    }
  }
}

@Suite struct RequestBodyTests {
  /// A message of so many bytes that stand in slices of one size, each a reference into a buffer of its own.
  private func message(_ bytes: [UInt8], slice size: Int, bufferBytes: Int = 8192) -> SliceList {
    var list = SliceList()
    for start in stride(from: 0, to: bytes.count, by: size) {
      let end = min(bytes.count, start + size)
      var buffer = SliceList()
      buffer.append(copying: Array(bytes[start..<end]) + [UInt8](repeating: 0, count: bufferBytes))
      list.append(0..<(end - start), of: buffer)
    }
    return list
  }

  private func add(_ bytes: [UInt8], slice size: Int = 16_000, to body: RequestBody?) -> Bool {
    let message = message(bytes, slice: size)
    return body?.append(0..<message.byteCount, of: message) ?? false
  }

  private func bytes(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) } }

  private func content(_ list: borrowing SliceList) -> [UInt8] {
    var result: [UInt8] = []
    list.forEachPiece(of: 0..<list.byteCount) { piece in piece.withUnsafeBytes { result += $0 } }
    return result
  }

  @Test(arguments: [1, 7, 16_000]) func whatWasAddedIsThereInOnePiece(size: Int) {
    let budget = BodyBudget(limit: 1 << 20)
    let body = RequestBody(budget: budget, expectedCount: nil)
    let all = bytes(50_000)
    for start in stride(from: 0, to: all.count, by: 10_000) {
      #expect(add(Array(all[start..<start + 10_000]), slice: size, to: body))
    }
    #expect(body.count == 50_000)
    #expect(body.withBytes { span in span.withUnsafeBytes { Array($0) } } == all)
    let slices = body.slices()
    let (count, copy) = (slices.slices.count, content(slices))
    #expect(count == 1)
    #expect(copy == all)
  }

  /// One byte that stands in a buffer of 8 KB costs a byte, not the buffer.
  @Test func theBudgetCountsMemory() {
    let budget = BodyBudget(limit: 1 << 20)
    do {
      let body = RequestBody(budget: budget, expectedCount: nil)
      for _ in 0..<10_000 {
        #expect(add([1], to: body))
      }
      #expect((10_000...20_000).contains(budget.heldBytes))
    }
    #expect(budget.heldBytes == 0)
  }

  @Test func anAnnouncedLengthIsWhatIsTaken() {
    let budget = BodyBudget(limit: 1 << 20)
    let body = RequestBody(budget: budget, expectedCount: 100_000)
    for _ in 0..<10 {
      #expect(add(bytes(10_000), to: body))
    }
    #expect(budget.heldBytes == 100_000)
    // Clients may be wrong.
    #expect(add([1], to: body))
    #expect(body.count == 100_001)
  }

  /// A length that is announced takes nothing before bytes have come.
  @Test func anAnnouncedLengthAloneTakesLittle() {
    let budget = BodyBudget(limit: 1 << 30)
    let body = RequestBody(budget: budget, expectedCount: 1 << 29)
    #expect(add([1], to: body))
    #expect(budget.heldBytes == 4096)
  }

  @Test func whatDoesNotFitIsNotAdded() {
    let budget = BodyBudget(limit: 10_000)
    let body = RequestBody(budget: budget, expectedCount: nil)
    #expect(add(bytes(6000), to: body))
    #expect(!add(bytes(6000), to: body))
    #expect(body.count == 6000)
    #expect(budget.heldBytes == 6000)
  }

  /// The core may need the bytes long after the stream has let go of them.
  @Test func memoryIsCountedUntilTheLastReferenceIsGone() {
    let budget = BodyBudget(limit: 1 << 20)
    var body: RequestBody? = RequestBody(budget: budget, expectedCount: nil)
    #expect(add(bytes(5000), to: body))
    var slices = body?.slices() ?? SliceList()
    body = nil
    #expect(budget.heldBytes == 5000)
    let copy = content(slices)
    #expect(copy == bytes(5000))
    slices.removeAll()
    #expect(budget.heldBytes == 0)
  }
}

@Suite struct SliceListTests {
  /// 32 MB in slices of 16 bytes, cut into pieces of 62 KB: in one pass. From the first slice for each piece this is
  /// 500 times 2 million steps.
  @Test(.timeLimit(.minutes(1))) func aListOfManySlicesIsCutInOnePass() {
    var list = SliceList()
    let bytes = [UInt8](0..<16)
    for _ in 0..<2_000_000 { list.append(copying: bytes) }
    var position = SliceList.Position()
    var start = 0
    var total = 0
    while start < list.byteCount {
      var piece = SliceList()
      let end = min(list.byteCount, start + 62_000)
      piece.append(start..<end, of: list, from: &position)
      total += piece.byteCount
      start = end
    }
    #expect(total == 32_000_000)
  }

  @Test func piecesThatFollowOneAnotherAreTheWhole() {
    var list = SliceList()
    let sizes = [5, 1, 0, 3, 8, 2]
    var all: [UInt8] = []
    for size in sizes {
      let bytes = (0..<size).map { UInt8(all.count + $0) }
      list.append(copying: bytes)
      all += bytes
    }
    for step in 1...all.count {
      var position = SliceList.Position()
      var result: [UInt8] = []
      for start in stride(from: 0, to: all.count, by: step) {
        var piece = SliceList()
        piece.append(start..<min(all.count, start + step), of: list, from: &position)
        piece.forEachPiece(of: 0..<piece.byteCount) { span in span.withUnsafeBytes { result += $0 } }
      }
      #expect(result == all)
    }
  }
}
