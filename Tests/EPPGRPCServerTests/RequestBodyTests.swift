import CGRPCShim
import EPPExtProc
import Testing

@testable import EPPGRPCServer

@Suite struct RequestBodyTests {
  /// A message of so many bytes that stand in slices of one size, each a reference into a buffer of its own.
  private func message(_ bytes: [UInt8], slice size: Int) -> SliceList {
    var list = SliceList()
    for start in stride(from: 0, to: bytes.count, by: size) {
      let end = min(bytes.count, start + size)
      var buffer = SliceList()
      buffer.append(copying: Array(bytes[start..<end]) + [UInt8](repeating: 0, count: 8192))
      list.append(0..<(end - start), of: buffer)
    }
    return list
  }

  private func bytes(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) } }

  private func content(_ list: borrowing SliceList) -> [UInt8] {
    var result: [UInt8] = []
    list.forEachPiece(of: 0..<list.byteCount) { piece in piece.withUnsafeBytes { result += $0 } }
    return result
  }

  @Test(arguments: [1, 7, 16_000]) func whatWasAddedIsThereInOnePiece(size: Int) {
    let reservation = BodyReservation(budget: BodyBudget(limit: 1 << 20), expectedCount: nil)
    let body = RequestBody(reservation)
    let all = bytes(50_000)
    for start in stride(from: 0, to: all.count, by: 10_000) {
      #expect(reservation.add(10_000))
      body.append(0..<10_000, of: message(Array(all[start..<start + 10_000]), slice: size))
    }
    #expect(body.count == 50_000)
    #expect(body.withBytes { span in span.withUnsafeBytes { Array($0) } } == all)
    let slices = body.slices()
    let (count, copy) = (slices.slices.count, content(slices))
    #expect(count == 1)
    #expect(copy == all)
  }

  /// A first slice of 16 KB or more is not copied until another follows.
  @Test(arguments: [1, 2, 3]) func aLargeFirstSliceIsPartOfTheWhole(chunks: Int) {
    let budget = BodyBudget(limit: 1 << 20)
    let all = bytes(chunks * 20_000)
    var slices = SliceList()
    do {
      let reservation = BodyReservation(budget: budget, expectedCount: all.count)
      let body = RequestBody(reservation)
      for start in stride(from: 0, to: all.count, by: 20_000) {
        #expect(reservation.add(20_000))
        body.append(0..<20_000, of: message(Array(all[start..<start + 20_000]), slice: 20_000))
        // As the chunk that ends a body does.
        body.append(0..<0, of: message([], slice: 1))
        #expect(body.count == start + 20_000)
        #expect(body.withBytes { span in span.withUnsafeBytes { Array($0) } } == Array(all[..<(start + 20_000)]))
      }
      slices = body.slices()
    }
    let copy = content(slices)
    #expect(copy == all)
    #expect(budget.heldBytes == all.count)
    slices.removeAll()
    #expect(budget.heldBytes == 0)
  }

  /// The core may need the bytes long after the stream has let go of them.
  @Test func memoryIsCountedUntilTheLastReferenceIsGone() {
    let budget = BodyBudget(limit: 1 << 20)
    var slices = SliceList()
    do {
      let reservation = BodyReservation(budget: budget, expectedCount: nil)
      #expect(reservation.add(5000))
      let body = RequestBody(reservation)
      body.append(0..<5000, of: message(bytes(5000), slice: 5000))
      slices = body.slices()
    }
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
