import EPPCore
import EPPPrefixCache
import EPPScheduling

/// Measures the decisions of schedulers for one pool, on the calling thread.
struct ScheduleMeasurement {
  /// Decisions over which allocations are counted.
  private static let countedDecisions = 200

  private let pool: SchedulePool
  private let decisions: Int
  private let warm: PrefixMatches
  private let cold: PrefixMatches
  /// What reading the clock adds to each measured time.
  private let clockNanoseconds: Int64

  /// - Parameter decisions: timed decisions of each scheduler.
  init(pool: SchedulePool, decisions: Int) {
    self.pool = pool
    self.decisions = decisions
    warm = pool.matches(isCold: false)
    cold = pool.matches(isCold: true)
    var pairs: [Double] = []
    for _ in 0..<1001 {
      let start = ThreadClock.now()
      pairs.append(Double(ThreadClock.now() - start))
    }
    clockNanoseconds = Int64(pairs.median)
  }

  /// Measures a scheduler with this configuration.
  ///
  /// - Throws: `BenchError` when it decides nothing.
  func run(_ subject: ScheduleSubject) throws -> ScheduleReport.Row {
    let scheduler = Scheduler(subject.configuration, PluginEnvironment(seed: SchedulePool.seed))
    var scratch = SchedulingScratch(seed: 1)
    scratch.context.match = subject.isCold ? cold : warm
    // Every endpoint has computed a prompt that none held, and the session has an endpoint.
    var prompt = PrefixQuery()
    for member in pool.snapshot.members {
      let pick = PickedRequest(
        request: pool.request, context: pool.context, endpoint: member.endpoint, isCold: true, now: SchedulePool.now)
      _ = scheduler.picked(pick, scratch.context, &prompt)
    }
    guard try decide(scheduler, &scratch) != nil else { throw BenchError("\(subject.name) decides nothing") }
    for _ in 0..<(decisions / 10) { _ = try decide(scheduler, &scratch) }

    var times = LatencyHistogram()
    for _ in 0..<decisions {
      let start = ThreadClock.now()
      let schedule = try decide(scheduler, &scratch)
      let end = ThreadClock.now()
      guard schedule != nil else { throw BenchError("\(subject.name) decides nothing") }
      times.record(nanoseconds: end - start - clockNanoseconds)
    }
    var allocations: Double?
    if AllocationCount.isCounted {
      let before = AllocationCount.now()
      for _ in 0..<Self.countedDecisions { _ = try decide(scheduler, &scratch) }
      allocations = Double(AllocationCount.now() - before) / Double(Self.countedDecisions)
    }
    return ScheduleReport.Row(
      name: subject.name, kind: subject.kind, base: subject.base, endpoints: pool.endpoints,
      p50: times.microseconds(atShare: 0.5), p99: times.microseconds(atShare: 0.99), allocations: allocations)
  }

  private func decide(_ scheduler: Scheduler, _ scratch: inout SchedulingScratch) throws -> Schedule? {
    scheduler.selectCandidates(pool.snapshot, pool.request, pool.context, now: SchedulePool.now, &scratch)
    let schedule = try scheduler.schedule(&scratch)
    scratch.removeAll()
    return schedule
  }
}
