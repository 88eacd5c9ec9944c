import EPPCore
import EPPTestKit
import Testing

@testable import EPPKubernetes

/// Three processes and an API server in virtual time, with random faults from a seed: slow requests, lost requests and answers,
/// processes that are paused, killed or stopped.
@Suite struct LeaseElectionPropertyTests {
  private static let key = ObjectKey(namespace: "ns", name: "lease")
  private static let tick = Duration.milliseconds(20)

  /// The Lease as the API server keeps it.
  private struct Server {
    var lease: Lease?
    var version = 0

    mutating func perform(_ step: LeaseElection.Step) -> LeaseElection.Answer {
      switch step {
      case .get: return lease.map { .found($0) } ?? .missing
      case .create(let new): return lease == nil ? .written(write(new)) : .conflict
      case .update(let new):
        guard let lease else { return .missing }
        return lease.metadata.resourceVersion == new.metadata.resourceVersion ? .written(write(new)) : .conflict
      case .wait, .finish: return .failed
      }
    }

    private mutating func write(_ new: Lease) -> Lease {
      version += 1
      var new = new
      new.metadata.resourceVersion = String(version)
      lease = new
      return new
    }
  }

  /// A request under way. It reaches the server also when the process has ended meanwhile.
  private struct Request {
    var step: LeaseElection.Step
    /// When the server performs it; nil when it is lost.
    var reaches: MonotonicTime?
    /// When the process has the answer, or gives the request up.
    var ends: MonotonicTime
    var isAnswerLost: Bool
    var answer: LeaseElection.Answer?
  }

  private enum Phase {
    case waiting(until: MonotonicTime)
    case requesting(Request)
    /// The process has ended; another one takes its place at this time.
    case ended(until: MonotonicTime)
  }

  private struct Process {
    var election: LeaseElection
    var phase: Phase
    var pausedUntil: MonotonicTime?
  }

  private struct Run {
    var random: SeededGenerator
    var server = Server()
    var processes: [Process] = []
    /// Requests of processes that have ended.
    var orphans: [Request] = []
    var now = MonotonicTime.milliseconds(1_000_000)
    var runs = 0
    var hasFaults = true
    var leaders: Set<String> = []
    var takeovers = 0

    init(seed: UInt64) {
      random = SeededGenerator(seed: seed)
      for _ in 0..<3 { processes.append(start()) }
    }

    mutating func start() -> Process {
      runs += 1
      return Process(
        election: LeaseElection(.init(identity: "process-\(runs)", key: LeaseElectionPropertyTests.key)),
        phase: .waiting(until: now))
    }

    mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }

    mutating func phase(_ step: LeaseElection.Step, of election: LeaseElection) -> Phase {
      switch step {
      case .wait(let until): return .waiting(until: until)
      case .finish: return .ended(until: now.advanced(by: .milliseconds(.random(in: 0...3_000, using: &random))))
      case .get, .create, .update: break
      }
      // As the process limits its requests.
      let left = election.isLeader(now: now) ? election.leadsUntil?.duration(since: now) : nil
      let limit = now.advanced(by: left ?? .seconds(7))
      let isSlow = hasFaults && chance(20)
      let reaches = now.advanced(by: .milliseconds(.random(in: 1...(isSlow ? 12_000 : 40), using: &random)))
      let answers = reaches.advanced(by: .milliseconds(.random(in: 1...(isSlow ? 6_000 : 40), using: &random)))
      let isLost = hasFaults && chance(8)
      let isAnswerLost = hasFaults && chance(8)
      return .requesting(
        Request(
          step: step, reaches: isLost ? nil : reaches, ends: isLost || isAnswerLost ? limit : min(answers, limit),
          isAnswerLost: isLost || isAnswerLost || answers > limit))
    }

    mutating func reach(_ request: inout Request) {
      guard let reaches = request.reaches, reaches <= now else { return }
      request.reaches = nil
      request.answer = server.perform(request.step)
    }

    mutating func work(_ index: Int) {
      var process = processes[index]
      defer { processes[index] = process }
      if case .requesting(var request) = process.phase {
        reach(&request)
        process.phase = .requesting(request)
      }
      if let until = process.pausedUntil {
        guard until <= now else { return }
        process.pausedUntil = nil
      }
      if hasFaults, chance(1), chance(15) {
        process.pausedUntil = now.advanced(by: .milliseconds(.random(in: 0...25_000, using: &random)))
        return
      }
      if hasFaults, chance(1), chance(10), case .requesting(let request) = process.phase {
        orphans.append(request)
        process.phase = .ended(until: now.advanced(by: .milliseconds(.random(in: 0...5_000, using: &random))))
        // Killed: it answers nobody any more.
        process.election = start().election
        return
      }
      if hasFaults, chance(1), chance(10), case .waiting = process.phase {
        process.phase = phase(process.election.release(now: now, timestamp: "t"), of: process.election)
        return
      }
      switch process.phase {
      case .waiting(let until) where until <= now:
        process.phase = phase(process.election.begin(now: now, timestamp: "t"), of: process.election)
      case .requesting(let request) where request.ends <= now:
        if request.reaches != nil { orphans.append(request) }
        let answer = request.isAnswerLost ? .failed : request.answer ?? .failed
        process.phase = phase(process.election.answered(answer, now: now), of: process.election)
      case .ended(let until) where until <= now: process = start()
      case .waiting, .requesting, .ended: break
      }
    }

    /// Returns the identities of all processes that would say now that they lead, paused ones included.
    func leading() -> [LeaseElection] { processes.map(\.election).filter { $0.isLeader(now: now) } }

    mutating func step() {
      now = now.advanced(by: LeaseElectionPropertyTests.tick)
      var waiting: [Request] = []
      for var orphan in orphans {
        reach(&orphan)
        if orphan.reaches != nil { waiting.append(orphan) }
      }
      orphans = waiting
      for index in processes.indices {
        work(index)
        let leading = leading()
        if leading.count > 1 { Issue.record("\(leading.compactMap(\.holder)) lead at one time") }
        if let holder = leading.first?.holder, leaders.insert(holder).inserted { takeovers += 1 }
      }
    }
  }

  @Test(arguments: 0..<8)
  func noTwoProcessesLeadAtOneTime(part: UInt64) {
    var takeovers = 0
    for seed in 0..<25 {
      var run = Run(seed: part * 25 + UInt64(seed))
      // Two minutes of faults.
      for _ in 0..<6_000 { run.step() }
      // A pause of 25 s may have begun just now, and what was lost is noticed after 7 s; then a lease ends after 10 s.
      run.hasFaults = false
      for _ in 0..<2_400 { run.step() }
      #expect(run.leading().count == 1, "nobody leads, seed \(seed)")
      takeovers += run.takeovers
    }
    #expect(takeovers > 50)
  }
}
