import EPPCore

/// Results of a multi-turn workload.
struct ConverseReport: Codable, Sendable {
  struct Engine: Codable, Sendable {
    var name: String
    var counters: EngineCounters
    var hitRatio: Double
  }

  var workload: ConversationWorkload.Settings
  /// What caches have to hold to miss nothing but what is new.
  var workingSetTokens: Int
  var concurrency: Int
  var seconds: Double
  var requests: Int
  var errors: [String: Int]
  /// Times to first token in microseconds; warm are answers of which the engine had at least half of the prompt cached.
  var timeToFirstToken: LatencySummary
  var timeToFirstTokenWarm: LatencySummary
  var timeToFirstTokenCold: LatencySummary
  /// From the usage of the answers.
  var promptTokens: Int
  var cachedTokens: Int
  var hitRatioByUsage: Double
  /// From the engines' own counters, in the order of the flags; empty without `--engine`.
  var engines: [Engine]
  /// All engines together; by usage when no engine was named.
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

  /// How many times longer the first token of a cold prompt takes than that of a warm one; nil without either kind.
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

/// What the answers of a workload add up to.
struct ConverseTally: Sendable {
  /// From this cached share of a prompt on an answer counts as warm.
  private static let warmShare = 0.5

  var all = LatencyHistogram()
  var warm = LatencyHistogram()
  var cold = LatencyHistogram()
  var completed = 0
  var errors: [String: Int] = [:]
  var promptTokens = 0
  var cachedTokens = 0

  var hitRatio: Double { promptTokens > 0 ? Double(cachedTokens) / Double(promptTokens) : 0 }
  var failed: Int { errors.values.reduce(0, +) }

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

  /// Counts a failed request by its message; past 20 different ones the rest share an entry.
  mutating func add(error: String) {
    errors[errors.count < 20 || errors[error] != nil ? error : "others", default: 0] += 1
  }
}
