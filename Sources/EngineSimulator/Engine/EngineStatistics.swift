/// What an engine has counted since it started: the numbers of vLLM's metrics page. Bounds of histograms are vLLM's.
package struct EngineStatistics: Sendable {
  // Prompts, in tokens. A prompt is looked up when it is admitted and counted as computed at its first token.
  package var prefixCacheQueries = 0
  package var prefixCacheHits = 0
  package var promptTokens = 0
  package var cachedPromptTokens = 0
  package var generationTokens = 0

  // Ends of requests, by reason.
  package var finishedByStop = 0
  package var finishedByLength = 0
  package var finishedByAbort = 0
  package var preemptions = 0

  package var promptTokensPerRequest = Histogram(bounds: Self.tokenBounds)
  package var generationTokensPerRequest = Histogram(bounds: Self.tokenBounds)
  package var maximumTokensPerRequest = Histogram(bounds: Self.tokenBounds)
  package var computedTokensPerRequest = Histogram(bounds: Self.tokenBounds)
  package var tokensPerStep = Histogram(bounds: Self.stepBounds)
  package var answersPerRequest = Histogram(bounds: [1, 2, 5, 10, 20])
  package var preemptionsPerRequest = Histogram(bounds: [1, 2, 3, 4, 5, 10, 20])

  package var timeToFirstToken = Histogram(bounds: Self.firstTokenBounds)
  package var interTokenLatency = Histogram(bounds: Self.tokenLatencyBounds)
  package var timePerOutputToken = Histogram(bounds: Self.tokenLatencyBounds)
  package var endToEndLatency = Histogram(bounds: Self.requestBounds)
  package var queueTime = Histogram(bounds: Self.requestBounds)
  package var inferenceTime = Histogram(bounds: Self.requestBounds)
  package var prefillTime = Histogram(bounds: Self.requestBounds)
  package var decodeTime = Histogram(bounds: Self.requestBounds)

  package init() {}

  private static let tokenBounds: [Double] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000]
  private static let stepBounds: [Double] = [1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384]
  private static let firstTokenBounds: [Double] = [
    0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160, 640, 2560,
  ]
  private static let tokenLatencyBounds: [Double] = [
    0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80,
  ]
  private static let requestBounds: [Double] = [
    0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680,
  ]
}
