import EPPCore

/// The results of a multi-turn workload.
struct ConverseReport: Codable, Sendable {
  /// The results of one engine.
  struct Engine: Codable, Sendable {
    /// The engine's name.
    var name: String
    /// Differences of the engine's counters.
    var counters: EngineCounters
    /// Share of the queried tokens that were found, 0...1.
    var hitRatio: Double
  }

  /// The settings of the workload.
  var workload: ConversationWorkload.Settings
  /// Tokens that caches have to hold so that only new text misses.
  var workingSetTokens: Int
  /// Requests in flight.
  var concurrency: Int
  /// Length of the run.
  var seconds: Double
  /// Successful requests.
  var requests: Int
  /// Failed requests by message.
  var errors: [String: Int]
  /// Times to the first token of all answers, in microseconds.
  var timeToFirstToken: LatencySummary
  /// Times to the first token of warm answers, whose engine had at least half of the prompt cached, in microseconds.
  var timeToFirstTokenWarm: LatencySummary
  /// Times to the first token of all other answers, in microseconds.
  var timeToFirstTokenCold: LatencySummary
  /// Prompt tokens by the usage of the answers.
  var promptTokens: Int
  /// Cached prompt tokens by the usage of the answers.
  var cachedTokens: Int
  /// Share of the prompt tokens that were cached, by the usage of the answers, 0...1.
  var hitRatioByUsage: Double
  /// Results by the engines' own counters, in the order of the flags; empty without `--engine`.
  var engines: [Engine]
  /// Share of the queried tokens that were found by all engines, 0...1; by usage without `--engine`.
  var hitRatio: Double

  init(
    workload: ConversationWorkload, concurrency: Int, seconds: Double, tally: ConverseTally,
    engines: [(name: String, counters: EngineCounters)]
  ) {
    self.workload = workload.settings
    workingSetTokens = workload.workingSetTokens
    self.concurrency = concurrency
    self.seconds = seconds
    requests = tally.completed
    errors = tally.errors
    timeToFirstToken = tally.all.summary
    timeToFirstTokenWarm = tally.warm.summary
    timeToFirstTokenCold = tally.cold.summary
    promptTokens = tally.promptTokens
    cachedTokens = tally.cachedTokens
    hitRatioByUsage = tally.hitRatio
    self.engines = engines.map { Engine(name: $0.name, counters: $0.counters, hitRatio: $0.counters.hitRatio) }
    let total = engines.reduce(EngineCounters()) { $0 + $1.counters }
    hitRatio = engines.isEmpty ? tally.hitRatio : total.hitRatio
  }

  /// Mean time to the first token of cold answers divided by that of warm ones; nil when there are no answers of a kind.
  var warmGain: Double? {
    guard timeToFirstTokenWarm.count > 0, timeToFirstTokenCold.count > 0, timeToFirstTokenWarm.mean > 0 else {
      return nil
    }
    return timeToFirstTokenCold.mean / timeToFirstTokenWarm.mean
  }

  var table: String {
    var parts: [String] = []
    if !engines.isEmpty {
      var table = TextTable(header: ["engine", "requests", "queried tokens", "hit tokens", "hit ratio"])
      for engine in engines { add(engine.name, engine.counters, to: &table) }
      add("all", engines.reduce(EngineCounters()) { $0 + $1.counters }, to: &table)
      parts.append(table.text)
    }
    var times = TextTable(header: ["time to first token, ms", "requests", "p50", "p90", "mean"])
    for (name, value) in [
      ("warm", timeToFirstTokenWarm), ("cold", timeToFirstTokenCold), ("all", timeToFirstToken),
    ] {
      times.add(
        name, "\(value.count)", (value.p50 / 1000).decimals(1), (value.p90 / 1000).decimals(1),
        (value.mean / 1000).decimals(1))
    }
    parts.append(times.text)
    var summary = TextTable()
    summary.add("requests", "\(requests) in \(seconds.decimals(1)) s")
    summary.add("working set", "about \(workingSetTokens) tokens")
    summary.add("hit ratio by usage", percent(hitRatioByUsage))
    if let warmGain { summary.add("cold / warm, mean", warmGain.decimals(1) + " times") }
    for (error, count) in errors.sorted(by: { $0.key < $1.key }) { summary.add("ERROR " + error, "\(count)") }
    parts.append(summary.text)
    return parts.joined(separator: "\n\n")
  }

  private func add(_ name: String, _ counters: EngineCounters, to table: inout TextTable) {
    table.add(
      name, counters.requests.decimals(0), counters.queriedTokens.decimals(0), counters.hitTokens.decimals(0),
      percent(counters.hitRatio))
  }

  private func percent(_ share: Double) -> String { (share * 100).decimals(1) + " %" }
}

/// The sums over the answers of a workload.
struct ConverseTally: Sendable {
  /// Cached share of a prompt from which on an answer counts as warm.
  private static let warmShare = 0.5

  /// Times to the first token of all answers.
  var all = LatencyHistogram()
  /// Times to the first token of warm answers.
  var warm = LatencyHistogram()
  /// Times to the first token of cold answers.
  var cold = LatencyHistogram()
  /// Successful requests.
  var completed = 0
  /// Failed requests by message.
  var errors: [String: Int] = [:]
  /// Prompt tokens by usage.
  var promptTokens = 0
  /// Cached prompt tokens by usage.
  var cachedTokens = 0

  /// Share of the prompt tokens that were cached, 0...1.
  var hitRatio: Double { promptTokens > 0 ? Double(cachedTokens) / Double(promptTokens) : 0 }
  /// Failed requests.
  var failed: Int { errors.values.reduce(0, +) }

  /// Adds an answer.
  mutating func add(_ answer: ChatClient.Answer) {
    completed += 1
    promptTokens += answer.promptTokens
    cachedTokens += answer.cachedTokens
    let nanoseconds = answer.timeToFirstToken.wholeNanoseconds
    all.record(nanoseconds: nanoseconds)
    if Double(answer.cachedTokens) >= Self.warmShare * Double(max(1, answer.promptTokens)) {
      warm.record(nanoseconds: nanoseconds)
    } else {
      cold.record(nanoseconds: nanoseconds)
    }
  }

  /// Counts a failed request by its message. After 20 different messages, others are counted together.
  mutating func add(error: String) {
    errors[errors.count < 20 || errors[error] != nil ? error : "others", default: 0] += 1
  }
}
