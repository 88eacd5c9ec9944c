import EPPCore
import EngineSimulator
import Testing

/// Timing and caching of single requests: 8,000 tokens a second, 10 ms a step.
@Suite struct SimulatedEngineTests {
  @Test func aColdPromptTakesItsTokensOverThePrefillRate() {
    var driver = EngineDriver()
    driver.send(1, tokens: 2000)
    driver.runToEnd()
    #expect(driver.times(1) == [250])
    #expect(driver.cached(1) == 0)
  }

  /// Nanoseconds of centuries are no 64-bit number.
  @Test(arguments: [(1e-9, 1.0), (1, 1e300), (8_000, 1e12)])
  func noStepIsLongerThanADay(rate: Double, slowness: Double) {
    var driver = EngineDriver { $0.prefillTokensPerSecond = rate }
    driver.change { engine, _ in engine.setSlowness(slowness) }
    driver.send(1, tokens: 100)
    driver.runToEnd()
    #expect(driver.times(1) == [86_400_000])
  }

  @Test func aWarmPromptTakesOnlyItsNewTokens() {
    var driver = EngineDriver()
    driver.send(1, tokens: 2000)
    driver.runToEnd()
    let start = driver.milliseconds
    driver.send(2, tokens: 2080)
    driver.runToEnd()
    #expect(driver.cached(2) == 2000)
    #expect(driver.times(2) == [start + 10])
  }

  @Test(arguments: [(16, 0), (17, 16), (160, 144), (161, 160), (175, 160)])
  func theLastTokenOfACachedPromptIsComputedAgain(tokens: Int, cached: Int) {
    var driver = EngineDriver()
    for number: UInt64 in [1, 2] {
      driver.send(number, tokens: tokens)
      driver.runToEnd()
    }
    #expect(driver.cached(2) == cached)
  }

  @Test func tokensComeOneByOneAtTheInterTokenLatency() {
    var driver = EngineDriver()
    driver.send(1, tokens: 80, output: 4)
    driver.runToEnd()
    #expect(driver.times(1) == [10, 20, 30, 40])
    #expect(driver.events.map(\.finish) == [nil, nil, nil, .length])
    #expect(driver.events.map(\.usage.completionTokens) == [1, 2, 3, 4])
    #expect(driver.answers[1]?.count == 4)
  }

  @Test func theSamePromptGetsTheSameAnswerWhateverIsCached() {
    var driver = EngineDriver()
    for number: UInt64 in [1, 2] {
      driver.send(number, tokens: 40, output: 20)
      driver.runToEnd()
    }
    driver.send(3, tokens: 40, seed: "b", output: 20)
    driver.runToEnd()
    #expect(driver.answers[1] == driver.answers[2])
    #expect(driver.answers[1] != driver.answers[3])
  }

  /// The conversation's next turn holds the answer, so blocks that decoding filled are found too.
  @Test func anAnswerThatIsSentBackIsFoundInTheCache() throws {
    var driver = EngineDriver()
    let prompt = EngineDriver.prompt(tokens: 100, seed: "a")
    driver.send(1, prompt: prompt, output: 60)
    driver.runToEnd()
    let answer = try #require(driver.answers[1])
    driver.send(2, prompt: prompt + answer + [1, 2, 3])
    driver.runToEnd()
    // 160 tokens are 10 blocks, but the last token was never computed: the answer ended with it.
    #expect(driver.cached(2) == 144)
  }

  @Test func anAnswerThatEndsByItselfEndsWithTheTokenThatSaysSo() {
    var driver = EngineDriver()
    driver.change { engine, now in
      let request = SimulatedRequest(
        id: SimulatedRequestID(1), prompt: EngineDriver.prompt(tokens: 16, seed: "a"), outputTokens: 3,
        finishReason: .stop)
      _ = engine.submit(request, at: now)
    }
    driver.runToEnd()
    #expect(driver.answers[1]?.last == SpecialToken.endOfMessage.rawValue)
    #expect(driver.answers[1]?.count == 3)
  }

  @Test func differentAdaptersAndSaltsShareNoCache() {
    var driver = EngineDriver()
    driver.send(1, tokens: 160)
    driver.send(2, tokens: 160, adapter: "x")
    driver.send(3, tokens: 160, salt: "s")
    driver.runToEnd()
    driver.send(4, tokens: 160, adapter: "x")
    driver.send(5, tokens: 160, salt: "t")
    driver.runToEnd()
    #expect((1...5).map { driver.cached($0) } == [0, 0, 0, 144, 0])
  }

  @Test func countersTellTokensLookedUpAndFound() {
    var driver = EngineDriver()
    driver.send(1, tokens: 320, output: 5)
    driver.runToEnd()
    driver.send(2, tokens: 330, output: 5)
    driver.runToEnd()
    let statistics = driver.engine.statistics
    #expect(statistics.prefixCacheQueries == 650)
    #expect(statistics.prefixCacheHits == 320)
    #expect(statistics.promptTokens == 650)
    #expect(statistics.cachedPromptTokens == 320)
    #expect(statistics.generationTokens == 10)
    #expect(statistics.finishedByLength == 2)
    #expect(statistics.timeToFirstToken.count == 2)
    #expect(abs(statistics.timeToFirstToken.sum - (0.04 + 0.00125)) < 1e-9)
    #expect(statistics.interTokenLatency.count == 8)
  }

  @Test func theLeastRecentlyUsedPromptLosesItsBlocksTailFirst() {
    var driver = EngineDriver { $0.cacheBlocks = 40 }
    // Each takes 10 full blocks and one for the rest: three fit, a fourth takes the oldest one's blocks.
    for (number, seed) in [(1, "a"), (2, "b"), (3, "c")] {
      driver.send(UInt64(number), tokens: 165, seed: seed)
      driver.runToEnd()
    }
    driver.send(4, tokens: 165, seed: "a")
    driver.runToEnd()
    #expect(driver.cached(4) == 160)
    driver.send(5, tokens: 250, seed: "d")
    driver.runToEnd()
    driver.send(6, tokens: 165, seed: "a")
    driver.send(7, tokens: 165, seed: "b")
    driver.runToEnd()
    #expect(driver.cached(6) == 160)
    // 16 blocks were needed and 10 were empty: 6 of the oldest prompt's went, from its tail.
    #expect(driver.cached(7) == 64)
  }

  @Test func aSequenceLongerThanTheContextIsRejected() {
    var driver = EngineDriver { $0.maximumModelTokens = 100 }
    driver.send(1, tokens: 101)
    driver.send(2, tokens: 50, output: 101)
    driver.send(3, tokens: 90, output: 11)
    driver.send(4, tokens: 90, output: 10)
    driver.runToEnd()
    #expect(driver.rejections[1] == .promptTooLong(promptTokens: 101))
    #expect(driver.rejections[2] == .outputTooLong(outputTokens: 101))
    #expect(driver.rejections[3] == .totalTooLong(promptTokens: 90, outputTokens: 11))
    #expect(driver.times(4).count == 10)
  }

  @Test func theCacheBoundsTheContext() {
    var driver = EngineDriver { $0.cacheBlocks = 4 }
    driver.send(1, tokens: 65)
    driver.send(2, tokens: 60, output: 4)
    driver.runToEnd()
    #expect(driver.rejections[1] == .promptTooLong(promptTokens: 65))
    #expect(driver.times(2).count == 4)
  }

  @Test func anEngineWithoutLatencyAnswersAtOnce() {
    var driver = EngineDriver { $0.interTokenLatency = .zero }
    driver.send(1, tokens: 80, output: 500)
    driver.runToEnd()
    #expect(driver.times(1) == Array(repeating: 10, count: 500))
  }
}
