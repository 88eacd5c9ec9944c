import EPPCore
import EPPPrefixCache
import EPPScheduling
import EPPTestKit

/// An endpoint as a test describes it.
struct Candidate {
  var name: String
  var waiting = 0
  var running = 0
  var usage = 0.0
  var capacityTokens: Int?
  var loRA = LoRAState()
  var isStale = false
  var refusesConnections = false
  var load = EndpointLoad()
  var labels: [String: String] = [:]
}

extension PoolSnapshot {
  /// Endpoints `10.0.0.N:8000` in slots N, in this order.
  static func of(_ candidates: [Candidate]) -> PoolSnapshot {
    PoolSnapshot(
      members: candidates.enumerated().map { index, candidate in
        var metrics = EndpointMetrics()
        metrics.waitingRequests = candidate.waiting
        metrics.runningRequests = candidate.running
        metrics.kvCacheUsage = candidate.usage
        metrics.loRA = candidate.loRA
        if let tokens = candidate.capacityTokens {
          metrics.cacheBlocks = tokens / 16
          metrics.cacheBlockTokens = 16
        }
        return PoolSnapshot.Member(
          endpoint: Endpoint(
            name: candidate.name, address: EndpointAddress(host: "10.0.0.\(index)", port: 8000),
            labels: candidate.labels, slot: EndpointSlot(index: index, generation: 1)),
          metrics: metrics, load: candidate.load, isStale: candidate.isStale,
          refusesConnections: candidate.refusesConnections)
      })
  }
}

/// One thread's way through a profile.
final class Scheduling {
  let snapshot: PoolSnapshot
  var scratch: SchedulingScratch
  var request = InferenceRequest(api: .completions, model: "m")
  var context = RequestContext(requestID: "r")
  var now = MonotonicTime(nanoseconds: 1_000_000_000)
  /// The blocks of the prompt, for data producers.
  var query = PrefixQuery()
  static let seed = HashSeed(first: 1, second: 2)

  convenience init(_ candidates: [Candidate], seed: UInt64 = 1) { self.init(.of(candidates), seed: seed) }

  init(_ snapshot: PoolSnapshot, seed: UInt64 = 1) {
    self.snapshot = snapshot
    scratch = SchedulingScratch(seed: seed)
  }

  func decide(_ scheduler: Scheduler) -> Decision? { (try? schedule(scheduler))?.decode }

  func schedule(_ scheduler: Scheduler) throws -> Schedule? {
    scheduler.selectCandidates(snapshot, request, context, now: now, &scratch)
    scheduler.produce(&query, &scratch)
    return try scheduler.schedule(&scratch)
  }

  /// The endpoints that are left before the profile's filters.
  func candidates() -> [String] {
    Scheduler.only(.queue).selectCandidates(snapshot, request, context, now: now, &scratch)
    return scratch.context.candidates.map { snapshot.members[$0].endpoint.name }
  }

  /// What one scorer says of every endpoint of the pool.
  func scores(_ scorer: ConfiguredPlugin) -> [Double] { scores(.only(scorer)) }

  /// The endpoints that the profile's filters leave.
  func left(_ scheduler: Scheduler) -> [String] {
    guard decide(scheduler) != nil else { return [] }
    return scratch.context.candidates.map { snapshot.members[$0].endpoint.name }
  }

  func scores(_ scheduler: Scheduler) -> [Double] {
    guard decide(scheduler) != nil else { return [] }
    return scratch.totals
  }

  /// Tells the plugins that a request is sent to an endpoint.
  @discardableResult
  func pick(_ scheduler: Scheduler, _ index: Int, _ others: [PickedRequest.StagePick] = []) -> PickEffects {
    scheduler.picked(
      PickedRequest(
        request: request, context: context, endpoint: snapshot.members[index].endpoint, others: others, now: now),
      scratch.context, &query)
  }

  /// Fills in the match as if `held` blocks of a prompt of `total` were held, endpoint by endpoint.
  func hold(_ held: [Int], of total: Int) {
    let hasher = BlockHasher(seed: Self.seed)
    let index = PrefixIndex(hasher: hasher)
    var query = PrefixQuery()
    var prompt = CanonicalPrompt()
    prompt.tokens = (0..<UInt32(16 * total)).map { $0 }
    for (endpoint, blocks) in held.enumerated() where blocks > 0 {
      prompt.prompts = [0..<(16 * blocks)]
      query.begin(for: prompt, request: request, hasher: hasher, maximumTokens: .max, blockTokens: 16)
      _ = index.record(&query, at: snapshot.members[endpoint].endpoint.slot)
    }
    prompt.prompts = [0..<(16 * total)]
    query.begin(for: prompt, request: request, hasher: hasher, maximumTokens: .max, blockTokens: 16)
    scratch.context.match.begin(hasText: false, hasTokens: true, followed: .empty)
    index.match(&query, into: &scratch.context.match.tokens)
  }
}

extension Scheduler {
  /// Notifies the plugins of a pick of a request without a prompt.
  func picked(_ pick: borrowing PickedRequest) -> PickEffects {
    var query = PrefixQuery()
    return picked(pick, SchedulingScratch(seed: 1).context, &query)
  }

  /// A profile of one scorer with weight 1, whose sums are that scorer's scores.
  static func only(_ scorer: ConfiguredPlugin, picker: ConfiguredPlugin = .maximumScore(maximumEndpoints: 1))
    -> Scheduler
  {
    Scheduler(
      ProfileConfiguration(scorers: [ProfileConfiguration.WeightedScorer(scorer, weight: 1)], picker: picker),
      seed: Scheduling.seed)
  }
}
