import EPPCore
import EPPTestKit
import EngineSimulator
import Testing

/// Several requests at a time: order, limits, memory, and the ways in which a request or the engine is disturbed.
@Suite struct SimulatedEngineSchedulingTests {
  @Test func promptsAreComputedInTheOrderOfTheirArrival() {
    var driver = EngineDriver { $0.interTokenLatency = .zero }
    driver.send(1, tokens: 2048, seed: "a")
    driver.send(2, tokens: 800, seed: "b")
    driver.send(3, tokens: 800, seed: "c")
    #expect(driver.engine.waitingRequests == 2)
    driver.runToEnd()
    // 2 and 3 arrive while the step of 1 runs, and share the next.
    #expect(driver.times(1) == [256])
    #expect(driver.times(2) == [456])
    #expect(driver.times(3) == [456])
  }

  @Test func aPromptLongerThanTheTokenBudgetTakesSeveralSteps() {
    var driver = EngineDriver()
    driver.send(1, tokens: 5000)
    driver.runToEnd()
    #expect(driver.times(1) == [625])
    #expect(driver.engine.statistics.tokensPerStep.count == 3)
  }

  @Test func prefillDelaysThoseWhoDecode() {
    var driver = EngineDriver()
    driver.send(1, tokens: 80, output: 4)
    driver.run(milliseconds: 15)
    driver.send(2, tokens: 800, seed: "b")
    driver.runToEnd()
    // The step that ends at 20 is under way when 2 arrives; the next one computes 2's prompt and a token of 1.
    #expect(driver.times(1) == [10, 20, 130, 140])
    #expect(driver.times(2) == [130])
  }

  @Test func aRequestBehindTheSamePrefixFindsWhatIsBeingComputed() {
    var driver = EngineDriver()
    driver.send(1, tokens: 16)
    driver.send(2, tokens: 320, seed: "b")
    driver.send(3, tokens: 330, seed: "b")
    driver.runToEnd()
    #expect(driver.cached(2) == 0)
    #expect(driver.cached(3) == 320)
  }

  @Test func theBatchTakesNoMoreThanItsLimit() {
    var driver = EngineDriver { $0.maximumRunningRequests = 2 }
    for number: UInt64 in 1...4 { driver.send(number, tokens: 16, seed: "\(number)", output: 3) }
    #expect(driver.engine.runningRequests == 1)
    driver.run(milliseconds: 2)
    #expect(driver.engine.runningRequests == 2)
    #expect(driver.engine.waitingRequests == 2)
    driver.runToEnd()
    let firsts = (1...4).compactMap { driver.times($0).first }
    #expect(firsts == firsts.sorted())
    #expect((1...4).allSatisfy { driver.times($0).count == 3 })
    // 3 starts only when 1 has ended.
    #expect(firsts[2] > (driver.times(1).last ?? .infinity))
  }

  @Test func aRequestThatFindsNoRoomInTheCacheWaits() {
    var driver = EngineDriver { $0.cacheBlocks = 20 }
    driver.send(1, tokens: 160, output: 10)
    driver.send(2, tokens: 160, seed: "b", output: 10)
    driver.run(milliseconds: 60)
    #expect(driver.engine.runningRequests == 1)
    #expect(driver.engine.waitingRequests == 1)
    #expect(driver.engine.pool.usage == 11.0 / 20)
    driver.runToEnd()
    #expect((driver.times(2).first ?? 0) > (driver.times(1).last ?? .infinity))
    #expect(driver.engine.pool.usage == 0)
  }

  @Test func blocksOfARunningRequestAreNotEvicted() {
    var driver = EngineDriver { $0.cacheBlocks = 30 }
    driver.send(1, tokens: 160, output: 100)
    driver.run(milliseconds: 30)
    for number: UInt64 in 2...6 {
      driver.send(number, tokens: 160, seed: "\(number)")
      driver.run(milliseconds: 50)
    }
    driver.send(7, tokens: 170)
    driver.run(milliseconds: 50)
    #expect(driver.cached(7) == 160)
    driver.runToEnd()
    #expect(driver.times(1).count == 100)
  }

  /// Two answers that together outgrow the cache: the later one gives way, is computed again, and loses no token.
  @Test func theLatestRequestGivesWayWhenAnswersOutgrowTheCache() {
    var driver = EngineDriver { $0.cacheBlocks = 24 }
    driver.send(1, tokens: 160, output: 100)
    driver.send(2, tokens: 160, seed: "b", output: 100)
    driver.runToEnd()
    #expect(driver.engine.statistics.preemptions > 0)
    #expect(driver.times(1).count == 100)
    #expect(driver.times(2).count == 100)
    #expect(driver.events.last { $0.request == 2 }?.usage.completionTokens == 100)
    #expect((driver.times(1).last ?? .infinity) < (driver.times(2).last ?? 0))
    #expect(driver.engine.pool.usage == 0)
    var alone = EngineDriver()
    alone.send(2, tokens: 160, seed: "b", output: 100)
    alone.runToEnd()
    #expect(driver.answers[2] == alone.answers[2])
  }

  @Test func aClientThatLeavesFreesItsPlace() {
    var driver = EngineDriver { $0.maximumRunningRequests = 1 }
    driver.send(1, tokens: 160, output: 1000)
    driver.send(2, tokens: 160, seed: "b")
    driver.send(3, tokens: 160, seed: "c")
    driver.run(milliseconds: 100)
    driver.leave(1)
    driver.leave(2)
    driver.leave(99)
    driver.runToEnd()
    #expect(driver.times(2).isEmpty)
    #expect(driver.times(3).count == 1)
    #expect(driver.engine.statistics.finishedByAbort == 2)
    #expect(driver.engine.pool.usage == 0)
    // What it had computed stays in the cache.
    driver.send(4, tokens: 160)
    driver.runToEnd()
    #expect(driver.cached(4) == 144)
  }

  @Test func anAdapterWithoutAPlaceLetsOthersPass() {
    var driver = EngineDriver { $0.maximumAdapters = 1 }
    driver.send(1, tokens: 16, output: 20, adapter: "x")
    driver.send(2, tokens: 16, output: 2, adapter: "y")
    driver.send(3, tokens: 16, output: 2)
    driver.run(milliseconds: 25)
    #expect(driver.engine.adapterHistory.entries.last?.running == "x")
    #expect(driver.engine.adapterHistory.entries.last?.waiting == "y")
    driver.runToEnd()
    #expect((driver.times(3).last ?? .infinity) < (driver.times(1).last ?? 0))
    #expect((driver.times(2).first ?? 0) > (driver.times(1).last ?? .infinity))
    #expect(driver.engine.adapterHistory.entries.last?.running == "")
    let times = driver.engine.adapterHistory.entries.map(\.since)
    #expect(zip(times, times.dropFirst()).allSatisfy { $0 < $1 })
  }

  @Test func aSlowEngineTakesSoManyTimesAsLong() {
    var driver = EngineDriver { $0.fault = .slow(10) }
    driver.send(1, tokens: 80, output: 2)
    driver.runToEnd()
    #expect(driver.times(1) == [100, 200])
    driver.change { engine, _ in engine.setSlowness(1) }
    driver.send(2, tokens: 80, seed: "b")
    driver.runToEnd()
    #expect(driver.times(2) == [210])
  }

  @Test func timeStandsStillWhileTheEngineIsSuspended() {
    var driver = EngineDriver()
    driver.send(1, tokens: 80, output: 2)
    driver.run(milliseconds: 4)
    driver.change { engine, now in _ = engine.suspend(at: now) }
    #expect(driver.engine.nextDeadline == nil)
    driver.run(milliseconds: 1000)
    driver.send(2, tokens: 80, seed: "b")
    driver.change { engine, now in engine.resume(at: now) }
    driver.runToEnd()
    #expect(driver.times(1) == [1010, 1030])
    #expect(driver.times(2) == [1030])
  }

  @Test func aLateOwnerGetsEachStepAtItsOwnTime() {
    var driver = EngineDriver()
    driver.send(1, tokens: 80, output: 3)
    driver.change { engine, now in
      let actions = engine.advance(to: now.advanced(by: .seconds(5)))
      #expect(actions.count == 3)
      #expect(abs(engine.statistics.endToEndLatency.sum - 0.03) < 1e-9)
    }
  }

  /// Many random requests and departures: everything that stays is answered in full, and no block is lost.
  @Test(arguments: [1, 2, 3] as [UInt64])
  func aLongRandomRunAnswersEverybody(seed: UInt64) {
    var driver = EngineDriver {
      $0.cacheBlocks = 60
      $0.maximumRunningRequests = 8
      $0.maximumAdapters = 2
    }
    var generator = SeededGenerator(seed: seed)
    var expected: [UInt64: Int] = [:]
    for number in UInt64(1)...300 {
      let output = Int.random(in: 1...120, using: &generator)
      expected[number] = output
      driver.send(
        number, tokens: Int.random(in: 1...400, using: &generator), seed: "\(Int.random(in: 0..<5, using: &generator))",
        output: output,
        adapter: ["x", "y", "z", nil].randomElement(using: &generator) ?? nil)
      driver.run(milliseconds: Double.random(in: 0...120, using: &generator))
      if Int.random(in: 0..<10, using: &generator) == 0,
        let gone = expected.keys.sorted().randomElement(using: &generator)
      {
        driver.leave(gone)
        expected[gone] = nil
      }
    }
    driver.runToEnd()
    for (number, output) in expected { #expect(driver.times(number).count == output) }
    #expect(driver.engine.runningRequests == 0 && driver.engine.waitingRequests == 0)
    #expect(driver.engine.pool.usage == 0)
  }
}
