import EPPExtProc
import Testing

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
          for _ in 0..<20_000 where budget.take(2000) { return 1 }
          return 0
        }
      }
      group.addTask {
        var refused = 0
        for _ in 0..<20_000 {
          if budget.take(10) { budget.giveBack(10) } else { refused += 1 }
        }
        return refused
      }
      for await failures in group { #expect(failures == 0) }
    }
  }
}

@Suite struct BodyReservationTests {
  /// One-byte chunks cost their bytes, and what is taken ahead.
  @Test func theBudgetCountsMemory() {
    let budget = BodyBudget(limit: 1 << 20)
    do {
      let body = BodyReservation(budget: budget, expectedCount: nil)
      for _ in 0..<10_000 { #expect(body.add(1)) }
      #expect((10_000...20_000).contains(budget.heldBytes))
      #expect(budget.heldBytes == body.capacity)
    }
    #expect(budget.heldBytes == 0)
  }

  @Test func anAnnouncedLengthIsWhatIsTaken() {
    let budget = BodyBudget(limit: 1 << 20)
    let body = BodyReservation(budget: budget, expectedCount: 100_000)
    for _ in 0..<10 { #expect(body.add(10_000)) }
    #expect(budget.heldBytes == 100_000)
    // Clients may be wrong.
    #expect(body.add(1))
    #expect(body.count == 100_001)
  }

  /// A length that is announced takes nothing before bytes have come.
  @Test func anAnnouncedLengthAloneTakesLittle() {
    let budget = BodyBudget(limit: 1 << 30)
    let body = BodyReservation(budget: budget, expectedCount: 1 << 29)
    #expect(body.add(1))
    #expect(budget.heldBytes == 4096)
  }

  @Test func ofLargeBodiesLittleIsSpare() {
    let budget = BodyBudget(limit: 1 << 30)
    let body = BodyReservation(budget: budget, expectedCount: nil)
    for _ in 0..<1000 { #expect(body.add(10_000)) }
    #expect((10_000_000...12_500_000).contains(budget.heldBytes))
  }

  @Test func whatDoesNotFitIsNotAdded() {
    let budget = BodyBudget(limit: 10_000)
    let body = BodyReservation(budget: budget, expectedCount: nil)
    #expect(body.add(6000))
    #expect(!body.add(6000))
    #expect(body.count == 6000 && body.capacity == 6000)
    #expect(body.add(4000))
    #expect(budget.heldBytes == 10_000)
  }
}
