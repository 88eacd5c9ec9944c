import EPPCore
import EngineSimulator
import Testing

/// Requests that wait for blocks of other engines, and blocks that stay in use for others.
@Suite struct SimulatedEngineTransferTests {
  @Test func blocksThatHaveComeAreNotComputed() {
    var driver = EngineDriver { $0.kvEvents = KVEventsConfiguration() }
    driver.send(1, tokens: 800) { $0.awaitsBlocks = true }
    driver.run(milliseconds: 50)
    #expect(driver.engine.waitingRequests == 1)
    #expect(driver.events.isEmpty)
    driver.load(1, tokens: 800)
    driver.runToEnd()
    // One token is computed, at 8,000 a second.
    #expect(driver.times(1) == [50.125])
    #expect(driver.cached(1) == 799)
    let statistics = driver.engine.statistics
    #expect((statistics.externalCacheQueries, statistics.externalCacheHits) == (800, 799))
    #expect((statistics.prefixCacheQueries, statistics.prefixCacheHits) == (800, 0))
    #expect((statistics.cachedPromptTokens, statistics.externalPromptTokens) == (799, 799))
    // They are in the prefix cache now.
    driver.send(2, tokens: 801)
    driver.runToEnd()
    #expect(driver.cached(2) == 800)
    #expect(driver.batches.map(\.count) == [1])
  }

  @Test func whatHasNotComeIsComputed() {
    var driver = EngineDriver()
    driver.send(1, tokens: 800) { $0.awaitsBlocks = true }
    driver.load(1, tokens: nil)
    driver.runToEnd()
    #expect(driver.times(1) == [100])
    #expect(driver.cached(1) == 0)
    driver.send(2, tokens: 1600) { $0.awaitsBlocks = true }
    driver.load(2, tokens: 1200)
    driver.runToEnd()
    #expect(driver.cached(2) == 1200)
    #expect(driver.engine.statistics.prefixCacheHits == 800)
    #expect(driver.engine.statistics.externalCacheHits == 400)
  }

  @Test func aRequestWhoseBlocksDoNotComeEnds() {
    var driver = EngineDriver()
    driver.send(1, tokens: 800) { $0.awaitsBlocks = true }
    driver.failLoad(1)
    driver.failLoad(1)
    driver.load(1, tokens: 800)
    driver.runToEnd()
    #expect(driver.failures == [1])
    #expect(driver.events.isEmpty)
    #expect(driver.engine.waitingRequests == 0)
    #expect(driver.engine.statistics.finishedByError == 1)
  }

  @Test func aClientThatWaitsForBlocksMayLeave() {
    var driver = EngineDriver()
    driver.send(1, tokens: 800) { $0.awaitsBlocks = true }
    driver.leave(1)
    driver.load(1, tokens: 800)
    driver.runToEnd()
    #expect(driver.events.isEmpty)
    #expect(driver.engine.waitingRequests == 0)
    #expect(driver.engine.statistics.finishedByAbort == 1)
  }

  @Test func heldBlocksStayInUseUntilTheyAreReleased() throws {
    var driver = EngineDriver { $0.cacheBlocks = 20 }
    driver.send(1, tokens: 168) { $0.holdsBlocks = true }
    driver.runToEnd()
    let held = try #require(driver.held[1])
    #expect(held.blocks.count == 11)
    #expect(held.prompt.tokens == 168)
    #expect(held.prompt.hashes.count == 10)
    #expect(held.prompt.tail != nil)
    #expect(driver.engine.pool.usage == 11.0 / 20)
    // It waits for the blocks of the first.
    driver.send(2, tokens: 160, seed: "b")
    driver.run(milliseconds: 100)
    #expect(driver.events.count == 1)
    driver.release(1)
    driver.runToEnd()
    #expect(driver.events.count == 2)
    #expect(driver.engine.pool.usage == 0)
  }

  @Test func aPromptIsReportedWhenItIsComputed() {
    var driver = EngineDriver()
    driver.send(1, tokens: 40, output: 10) { $0.reportsPrompt = true }
    driver.run(milliseconds: 6)
    #expect(driver.stored.map(\.hashes.count) == [2])
    driver.runToEnd()
    #expect(driver.stored.count == 1)
  }
}
