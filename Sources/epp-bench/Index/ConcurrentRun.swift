import EPPCore
import EPPPrefixCache
import Glibc
import Synchronization

/// Measures an index with a writer thread, which applies the messages of many engines, and a reader thread, which looks up
/// prompts. At the end the index is compared with the contents of the engines.
///
/// Each engine has a base of conversations that stay, and a ring of shorter ones: every message removes the oldest of the ring,
/// block by block, and stores another one. After a round of messages the engine has its original contents, so the messages are
/// encoded once and reused.
struct ConcurrentRun {
  /// Number of engines.
  let endpoints: Int
  /// Length of the run.
  let seconds: Double
  /// Block operations per second; 0 for as many as possible.
  let rate: Double

  private static let baseChains = 16
  private static let baseBlocks = 500
  private static let ringChains = 8
  private static let rounds = 16
  private static let ringBlocks = 64
  private static let sharedBlocks = 64

  private final class Progress: Sendable {
    let isDone = Atomic(false)
  }

  /// Returns a conversation of 775 blocks, of which endpoints hold different numbers of blocks during the whole run.
  private static func stable(_ number: Int) -> Chain { Chain(number: UInt64(500 + number), blocks: 775) }

  private func ring(_ endpoint: Int, _ number: Int) -> Chain {
    Chain(number: UInt64(1_000_000 + endpoint * 1_000 + number % Self.rounds), blocks: Self.ringBlocks)
  }

  /// Performs the run.
  ///
  /// - Throws: `BenchError` when the number of pairs has changed; errors of decoding.
  func run() async throws -> IndexReport.Concurrency {
    var measurement = IndexMeasurement()
    try fill(&measurement)
    let messages = (0..<endpoints).map { endpoint in (0..<Self.rounds).map { message(endpoint, $0) } }
    let start = measurement.index.currentStatistics()
    let lookups = Lookups(
      index: measurement.index, depths: (0..<16).map { number in (0..<endpoints).map { depth($0, number) } },
      queries: (0..<16).map { measurement.query(Self.stable($0).tokens(0..<775)) })
    let progress = Progress()
    let before = resident
    let reading = Task.detached { lookups.run { progress.isDone.load(ordering: .acquiring) } }
    let (applied, wall, cpu) = try write(messages, &measurement)
    progress.isDone.store(true, ordering: .releasing)
    let (latencies, wrong) = await reading.value
    let wrongAtEnd = check(measurement, applied)
    let end = measurement.index.currentStatistics()
    guard end.pairs == start.pairs else { throw BenchError("\(start.pairs) pairs became \(end.pairs)") }
    let operations = applied * 2 * Self.ringBlocks
    let summary = latencies.summary
    return IndexReport.Concurrency(
      endpoints: endpoints, seconds: wall, operations: operations, operationsPerSecond: Double(operations) / wall,
      writerCore: cpu / wall, lookups: Int(summary.count), lookupP50: summary.p50, lookupP99: summary.p99,
      lookupMaximum: summary.maximum, pairs: end.pairs, wrongDepths: wrong + wrongAtEnd,
      residentMegabytes: resident, grownMegabytes: resident - before)
  }

  private var resident: Double { Double(ProcessSample.ofThisProcess()?.residentBytes ?? 0) / 1e6 }

  private func fill(_ measurement: inout IndexMeasurement) throws {
    for endpoint in 0..<endpoints {
      for chain in 0..<Self.baseChains {
        let number = UInt64(100_000 + endpoint * 100 + chain)
        try measurement.store(Chain(number: number, blocks: Self.baseBlocks), 0..<Self.baseBlocks, at: endpoint)
      }
      for number in 0..<16 { try measurement.store(Self.stable(number), 0..<depth(endpoint, number), at: endpoint) }
      for number in 0..<Self.ringChains {
        try measurement.store(ring(endpoint, number), 0..<Self.ringBlocks, at: endpoint)
      }
    }
  }

  /// Applies messages at the given rate.
  ///
  /// - Returns: The number of messages, the time in seconds, and the CPU time of the thread in seconds.
  private func write(
    _ messages: [[[UInt8]]], _ measurement: inout IndexMeasurement
  ) throws -> (applied: Int, wall: Double, cpu: Double) {
    let clock = ContinuousClock()
    let begin = clock.now
    let cpu = ThreadClock.now()
    var applied = 0
    while clock.now - begin < .seconds(seconds) {
      try measurement.apply(messages[applied % endpoints][applied / endpoints % Self.rounds], applied % endpoints)
      applied += 1
      guard rate > 0, applied % 64 == 0 else { continue }
      let early = .seconds(Double(applied * 2 * Self.ringBlocks) / rate) - (clock.now - begin)
      if early > .milliseconds(1) { usleep(UInt32(early / .microseconds(1))) }
    }
    return (applied, (clock.now - begin) / .seconds(1), Double(ThreadClock.now() - cpu) / 1e9)
  }

  /// Returns the number of blocks of a stable conversation that an endpoint holds: 128 endpoints hold the first part, three of
  /// them more.
  private func depth(_ endpoint: Int, _ number: Int) -> Int {
    let place = (endpoint + number * 61) % endpoints
    return switch place {
    case 0: 775
    case 1: 500
    case 2: 250
    case 3..<128: Self.sharedBlocks
    default: 0
    }
  }

  private func message(_ endpoint: Int, _ number: Int) -> [UInt8] {
    var encoder = EventEncoder(blockTokens: Chain.blockTokens)
    let old = ring(endpoint, number)
    for block in (0..<Self.ringBlocks).reversed() { encoder.remove(old.hash(block)) }
    let new = ring(endpoint, number + Self.ringChains)
    encoder.store(
      hashes: (0..<Self.ringBlocks).map { new.hash($0) }, parent: nil, tokens: new.tokens(0..<Self.ringBlocks))
    return encoder.message()
  }

  /// Compares the ring of every endpoint with its applied messages; returns the number of conversations with a wrong depth.
  private func check(_ measurement: IndexMeasurement, _ applied: Int) -> Int {
    var wrong = 0
    var match = PrefixMatch()
    for endpoint in 0..<endpoints {
      let count = applied / endpoints + (applied % endpoints > endpoint ? 1 : 0)
      for number in 0..<Self.rounds {
        let isHeld = (number - count % Self.rounds + Self.rounds) % Self.rounds < Self.ringChains
        var query = measurement.query(ring(endpoint, number).tokens(0..<Self.ringBlocks))
        measurement.index.match(&query, into: &match)
        let depth = match.matchedBlocks(IndexMeasurement.slot(endpoint))
        if depth != (isHeld ? Self.ringBlocks : 0) { wrong += 1 }
      }
    }
    return wrong
  }
}

/// The look-ups of a concurrent run.
private struct Lookups: Sendable {
  let index: PrefixIndex
  /// Expected depths of each conversation, by endpoint.
  let depths: [[Int]]
  let queries: [PrefixQuery]

  /// Looks up conversations until `isDone` is true; returns the times and the number of wrong depths.
  func run(until isDone: () -> Bool) -> (LatencyHistogram, Int) {
    var histogram = LatencyHistogram()
    var match = PrefixMatch()
    var queries = queries
    var wrong = 0
    var number = 0
    while !isDone() {
      let start = ThreadClock.now()
      index.match(&queries[number], into: &match)
      histogram.record(nanoseconds: ThreadClock.now() - start)
      for (endpoint, depth) in depths[number].enumerated()
      where match.matchedBlocks(IndexMeasurement.slot(endpoint)) != depth {
        wrong += 1
      }
      number = (number + 1) % queries.count
    }
    return (histogram, wrong)
  }
}
