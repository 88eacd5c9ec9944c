import EPPCore
import EPPPrefixCache
import FoundationEssentials

/// Applies recorded messages to an index, then looks up recorded prompts, to compare the index with others.
struct RecordedReplay {
  /// Path of the file of messages, in the format of `RecordedMessages`.
  let messages: String
  /// Path of the file of prompts, in the format of `RecordedMessages` with 32-bit little-endian tokens; nil when there is none.
  let prompts: String?

  /// Look-ups of each prompt.
  private static let rounds = 20

  /// Performs the replay.
  ///
  /// - Throws: `BenchError` when a file cannot be read; errors of decoding.
  func run() throws -> IndexReport.Recorded {
    var measurement = IndexMeasurement()
    // Allocates the memory of decoding and the smallest tables before the measurement.
    try measurement.store(Chain(number: .max, blocks: 64), 0..<64, at: 0)
    measurement.index.resetEvents(from: IndexMeasurement.slot(0))
    var report = IndexReport.Recorded()
    var file = try RecordedMessages(file: messages)
    let memory = try Self.proportionalBytes()
    let start = ThreadClock.ofProcess()
    var endpoints = 0
    while let message = try file.next() {
      guard message.endpoint < EndpointSlot.capacity else {
        throw BenchError("\(messages) has a message of endpoint \(message.endpoint)")
      }
      try unsafe measurement.apply(file.buffer.span.bytes.extracting(message.range), message.endpoint)
      endpoints = max(endpoints, message.endpoint + 1)
      report.messages += 1
    }
    // The picker does this a few times a second.
    for _ in 0..<16 { measurement.index.maintain(now: MonotonicTime(nanoseconds: 0)) }
    report.cpuSeconds = Double(ThreadClock.ofProcess() - start) / 1e9
    report.proportionalBytes = try Self.proportionalBytes() - memory
    let statistics = measurement.index.currentStatistics()
    report.pairs = statistics.pairs
    report.blocks = statistics.blocks
    report.countedBytes = statistics.bytes
    if let prompts { report.lookups = try look(up: prompts, measurement, endpoints) }
    return report
  }

  private func look(up prompts: String, _ measurement: IndexMeasurement, _ endpoints: Int) throws
    -> [IndexReport.Recorded.Lookup]
  {
    var file = try RecordedMessages(file: prompts)
    var query = PrefixQuery()
    var match = PrefixMatch()
    var lookups: [IndexReport.Recorded.Lookup] = []
    while let message = try file.next() {
      let tokens = stride(from: message.range.lowerBound, to: message.range.upperBound - 3, by: 4).map {
        UInt32(file.word($0))
      }
      let prompt = IndexMeasurement.prompt(tokens)
      var times: [Double] = []
      for _ in 0..<Self.rounds {
        let start = ThreadClock.now()
        measurement.begin(&query, for: prompt)
        measurement.index.match(&query, into: &match)
        times.append(Double(ThreadClock.now() - start) / 1000)
      }
      lookups.append(
        IndexReport.Recorded.Lookup(
          blocks: tokens.count / Chain.blockTokens, microseconds: times.reduce(0, +) / Double(times.count),
          depths: (0..<endpoints).map { match.matchedBlocks(IndexMeasurement.slot($0)) }))
    }
    return lookups
  }

  /// Returns the process's proportional set size in bytes: pages that several processes share count in part.
  private static func proportionalBytes() throws -> Int {
    let text: String
    do { text = try String(contentsOfFile: "/proc/self/smaps_rollup", encoding: .utf8) } catch {
      throw BenchError("cannot read /proc/self/smaps_rollup: \(error)")
    }
    for line in text.split(separator: "\n") {
      let words = line.split(separator: " ")
      if words.count >= 2, words[0] == "Pss:", let kilobytes = Int(words[1]) { return kilobytes * 1024 }
    }
    throw BenchError("/proc/self/smaps_rollup has no line Pss")
  }
}
