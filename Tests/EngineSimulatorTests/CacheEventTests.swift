import EPPCore
import EPPTestKit
import EngineSimulator
import Testing

/// Changes of the cache that an engine tells: whoever applies them knows what is in it.
@Suite struct CacheEventTests {
  private func driver(_ change: (inout EngineOptions) -> Void = { _ in }) -> EngineDriver {
    EngineDriver {
      $0.kvEvents = KVEventsConfiguration()
      change(&$0)
    }
  }

  /// Hashes by the number of times that they are held.
  private func residency(_ events: [CacheEvent]) -> [BlockHash: Int] {
    var held: [BlockHash: Int] = [:]
    for event in events {
      switch event {
      case .stored(let stored): for hash in stored.hashes { held[hash, default: 0] += 1 }
      case .removed(let hash):
        let left = (held[hash] ?? 0) - 1
        #expect(left >= 0)
        held[hash] = left > 0 ? left : nil
      case .cleared: held.removeAll()
      }
    }
    return held
  }

  @Test func nothingIsRecordedWhenNobodyAsks() {
    var driver = EngineDriver()
    driver.send(1, tokens: 320)
    driver.runToEnd()
    #expect(driver.batches.isEmpty)
  }

  @Test func aStepTellsWhatItChangedAndOneWithoutChangesTellsNothing() {
    var driver = driver()
    driver.send(1, tokens: 40, output: 20)
    driver.runToEnd()
    // Two blocks of the prompt, then the one that the ninth token of the answer fills.
    #expect(driver.batches.map(\.count) == [1, 1])
    driver.send(2, tokens: 40)
    driver.runToEnd()
    #expect(driver.batches.count == 2)
  }

  @Test func aLongPromptIsToldStepByStep() {
    var driver = driver { $0.maximumBatchedTokens = 64 }
    driver.send(1, tokens: 200)
    driver.runToEnd()
    let stored = driver.batches.flatMap { $0 }.compactMap { event in
      if case .stored(let stored) = event { stored } else { nil }
    }
    #expect(stored.map(\.hashes.count) == [4, 4, 4])
    #expect(stored[1].parent == stored[0].hashes.last && stored[2].parent == stored[1].hashes.last)
    #expect(stored.flatMap(\.tokens) == EngineDriver.prompt(tokens: 192, seed: "a"))
  }

  @Test func evictionsAreToldBeforeWhatNeededTheRoom() {
    var driver = driver { $0.cacheBlocks = 10 }
    driver.send(1, tokens: 144)
    driver.runToEnd()
    driver.send(2, tokens: 100, seed: "b")
    driver.runToEnd()
    let events = driver.batches.last ?? []
    #expect(events.count == 7)
    for event in events.dropLast() { if case .removed = event {} else { Issue.record("\(event) is no eviction") } }
    guard case .stored(let first)? = driver.batches.first?.first else {
      Issue.record("nothing was stored")
      return
    }
    #expect(events.dropLast().elementsEqual(first.hashes.suffix(6).reversed().map { .removed($0) }))
  }

  @Test func manyClearingsOfAnIdleEngineAreBounded() {
    var driver = driver()
    for _ in 0..<1000 { driver.change { engine, _ in _ = engine.resetPrefixCache() } }
    driver.send(1, tokens: 16)
    driver.runToEnd()
    #expect((1...100).contains(driver.batches.first?.count ?? 0))
  }

  /// Random requests with shared prefixes, prompts that end on a block, adapters, departures, preemptions and resets.
  @Test(arguments: [1, 2, 3, 4] as [UInt64])
  func eventsGiveExactlyWhatTheCacheHolds(seed: UInt64) {
    var driver = driver {
      $0.cacheBlocks = 60
      $0.maximumRunningRequests = 8
      $0.maximumBatchedTokens = 256
    }
    var generator = SeededGenerator(seed: seed)
    var hadCopies = false
    for number in UInt64(1)...400 {
      let blocks = Int.random(in: 1...20, using: &generator)
      let rest = [0, Int.random(in: 0...15, using: &generator)].randomElement(using: &generator) ?? 0
      driver.send(
        number, tokens: blocks * 16 + rest, seed: "\(Int.random(in: 0..<6, using: &generator))",
        output: Int.random(in: 1...60, using: &generator),
        adapter: [nil, nil, "x"].randomElement(using: &generator) ?? nil,
        salt: [nil, nil, "s"].randomElement(using: &generator) ?? nil)
      driver.run(milliseconds: Double.random(in: 0...80, using: &generator))
      if Int.random(in: 0..<8, using: &generator) == 0 {
        driver.leave(UInt64.random(in: 1...number, using: &generator))
      }
      if Int.random(in: 0..<40, using: &generator) == 0 {
        driver.runToEnd()
        driver.change { engine, _ in _ = engine.resetPrefixCache() }
      }
      if driver.engine.nextDeadline == nil, driver.engine.pool.cachedCount > 0 {
        #expect(residency(driver.batches.flatMap { $0 }) == driver.engine.pool.residency)
      }
      hadCopies = hadCopies || driver.engine.pool.residency.values.contains { $0 > 1 }
    }
    driver.send(1000, tokens: 16)
    driver.runToEnd()
    #expect(residency(driver.batches.flatMap { $0 }) == driver.engine.pool.residency)
    #expect(hadCopies)
  }
}
