/// The counters and histograms of vLLM's metrics page since the engine's start. The bounds of histograms are vLLM's; times are
/// in seconds.
package struct EngineStatistics: Sendable {
  /// Prompt tokens that were looked up in the prefix cache, counted at a request's first admission.
  package var prefixCacheQueries = 0
  /// Prompt tokens that were found in the prefix cache, counted at a request's first admission.
  package var prefixCacheHits = 0
  /// Prompt tokens that were looked up in caches of other engines, after the lookup in the prefix cache.
  package var externalCacheQueries = 0
  /// Prompt tokens that have come from other engines, counted at a request's first admission.
  package var externalCacheHits = 0
  /// Prompt tokens of requests that have a first token.
  package var promptTokens = 0
  /// Prompt tokens that were not computed, of requests that have a first token.
  package var cachedPromptTokens = 0
  /// Those of `cachedPromptTokens` that have come from other engines.
  package var externalPromptTokens = 0
  /// Tokens of answers.
  package var generationTokens = 0

  /// Requests that the model has ended.
  package var finishedByStop = 0
  /// Requests that have reached the client's limit.
  package var finishedByLength = 0
  /// Requests whose client has left.
  package var finishedByAbort = 0
  /// Requests whose blocks could not be loaded.
  package var finishedByError = 0
  /// Preemptions of running requests.
  package var preemptions = 0

  /// Prompt tokens of each ended request.
  package var promptTokensPerRequest = Histogram(bounds: Self.tokenBounds)
  /// Answer tokens of each ended request.
  package var generationTokensPerRequest = Histogram(bounds: Self.tokenBounds)
  /// Limit of answer tokens of each ended request.
  package var maximumTokensPerRequest = Histogram(bounds: Self.tokenBounds)
  /// Prompt tokens of each ended request that were not found in the prefix cache.
  package var computedTokensPerRequest = Histogram(bounds: Self.tokenBounds)
  /// Tokens computed in each step.
  package var tokensPerStep = Histogram(bounds: Self.stepBounds)
  /// Answers of each ended request: always 1, because each answer is a request of its own.
  package var answersPerRequest = Histogram(bounds: [1, 2, 5, 10, 20])
  /// Preemptions of each ended request.
  package var preemptionsPerRequest = Histogram(bounds: [1, 2, 3, 4, 5, 10, 20])

  /// Time from arrival to the first token.
  package var timeToFirstToken = Histogram(bounds: Self.firstTokenBounds)
  /// Time from one token to the next.
  package var interTokenLatency = Histogram(bounds: Self.tokenLatencyBounds)
  /// Mean time of a token after the first, per ended request.
  package var timePerOutputToken = Histogram(bounds: Self.tokenLatencyBounds)
  /// Time from arrival to the last token.
  package var endToEndLatency = Histogram(bounds: Self.requestBounds)
  /// Time from arrival to admission.
  package var queueTime = Histogram(bounds: Self.requestBounds)
  /// Time from admission to the last token.
  package var inferenceTime = Histogram(bounds: Self.requestBounds)
  /// Time from admission to the first token.
  package var prefillTime = Histogram(bounds: Self.requestBounds)
  /// Time from the first token to the last.
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
