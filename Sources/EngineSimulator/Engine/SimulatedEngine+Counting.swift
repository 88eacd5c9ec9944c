import EPPCore

extension SimulatedEngine {
  /// Counts the newest token of a sequence.
  mutating func countToken(_ index: Dictionary<SimulatedRequestID, SimulatedSequence>.Index, at now: MonotonicTime) {
    let sequence = sequences.values[index]
    statistics.generationTokens += 1
    if let last = sequence.lastTokenAt {
      statistics.interTokenLatency.observe(now.duration(since: last))
    } else {
      sequences.values[index].firstTokenAt = now
      statistics.timeToFirstToken.observe(now.duration(since: sequence.arrivedAt))
      statistics.promptTokens += sequence.promptTokens
      statistics.cachedPromptTokens += sequence.cachedTokens ?? 0
      statistics.externalPromptTokens += sequence.externalTokens
    }
    sequences.values[index].lastTokenAt = now
  }

  /// Counts a request that has ended.
  mutating func countEnd(of sequence: SimulatedSequence, at now: MonotonicTime) {
    switch sequence.finishReason {
    case .stop: statistics.finishedByStop += 1
    case .length: statistics.finishedByLength += 1
    case .cacheThreshold: break
    }
    statistics.promptTokensPerRequest.observe(Double(sequence.promptTokens))
    statistics.generationTokensPerRequest.observe(Double(sequence.outputTokens))
    statistics.maximumTokensPerRequest.observe(Double(sequence.outputLimit))
    statistics.computedTokensPerRequest.observe(Double(sequence.promptTokens - (sequence.cachedTokens ?? 0)))
    statistics.answersPerRequest.observe(1.0)
    statistics.preemptionsPerRequest.observe(Double(sequence.preemptions))

    let admitted = sequence.admittedAt ?? sequence.arrivedAt
    let first = sequence.firstTokenAt ?? now
    let decode = now.duration(since: first)
    statistics.endToEndLatency.observe(now.duration(since: sequence.arrivedAt))
    statistics.queueTime.observe(admitted.duration(since: sequence.arrivedAt))
    statistics.inferenceTime.observe(now.duration(since: admitted))
    statistics.prefillTime.observe(first.duration(since: admitted))
    statistics.decodeTime.observe(decode)
    if sequence.outputTokens > 1 { statistics.timePerOutputToken.observe(decode / (sequence.outputTokens - 1)) }
  }

  /// Number of waiting requests whose adapter has no place in the batch, or whose blocks have not come.
  var deferredRequests: Int {
    let adapters = Set(running.compactMap { sequences[$0]?.adapter })
    guard adapters.count >= max(1, options.maximumAdapters) else { return loading.count }
    return loading.count
      + waiting.count { id in sequences[id]?.adapter.map { !adapters.contains($0) } ?? false }
  }

  /// Records the adapters of running and waiting requests.
  mutating func recordAdapters(at now: MonotonicTime) {
    adapterHistory.record(
      running: running.compactMap { sequences[$0]?.adapter },
      waiting: (waiting + loading).compactMap { sequences[$0]?.adapter },
      at: now)
  }
}
