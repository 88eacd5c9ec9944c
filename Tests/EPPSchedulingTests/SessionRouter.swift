import EPPCore
import EPPMetrics
import EPPPrefixCache
import EPPScheduling
import EPPTestKit

/// A picker of one profile, as clients with sessions see it: one request after the other, on a clock that a test moves.
final class SessionRouter {
  var scheduling: Scheduling
  let metrics = PickerMetrics()
  let environment: PluginEnvironment
  private(set) var profile: Scheduler
  /// As random as that of a process: digests of a small secret collide.
  static let hashSeed = HashSeed(first: 0x8C5F_21E9_A04B_37D6, second: 0x1D93_E47A_6B08_F25C)

  /// What a request led to.
  struct Answer {
    /// The name of the picked endpoint.
    var endpoint: String
    var headers: [RequestHeaders.Field]

    /// The value of the answer's only header with a name; nil when there is none.
    func header(_ name: String) -> String? {
      let values = headers.filter { $0.name == name }.map(\.value)
      return values.count == 1 ? values[0] : nil
    }

    /// The cookies as a client sends them back.
    var cookies: String? { header("set-cookie").map { String($0.prefix { $0 != ";" }) } }
  }

  init(
    filters: [ConfiguredPlugin] = [], scorers: [ConfiguredPlugin] = [], endpoints: [Candidate], seed: UInt64 = 1,
    hashSeed: HashSeed = SessionRouter.hashSeed, sessions: SessionEnvironment = SessionEnvironment()
  ) {
    scheduling = Scheduling(endpoints, seed: seed)
    environment = PluginEnvironment(seed: hashSeed, metrics: metrics, sessions: sessions)
    profile = Scheduler(Self.configuration(filters, scorers), environment)
  }

  private static func configuration(
    _ filters: [ConfiguredPlugin], _ scorers: [ConfiguredPlugin]
  ) -> ProfileConfiguration {
    ProfileConfiguration(filters: filters, scorers: scorers.map { .init($0, weight: 1) })
  }

  /// Takes another configuration.
  func reload(filters: [ConfiguredPlugin] = [], scorers: [ConfiguredPlugin] = []) {
    profile = Scheduler(Self.configuration(filters, scorers), environment, replacing: profile)
  }

  func advance(seconds: UInt64) { scheduling.now.nanoseconds += seconds * 1_000_000_000 }

  /// A request with headers; another endpoint of the pool may serve it than the picked one.
  func send(
    _ headers: [(String, String)] = [], from address: String? = nil, id: String = "r", servedBy served: Int? = nil
  ) -> Answer? {
    send(
      RequestContext(
        requestID: id, headers: RequestHeaders(headers.map { .init(name: $0.0, value: $0.1) }), sourceAddress: address),
      servedBy: served)
  }

  func send(_ context: RequestContext, servedBy served: Int? = nil) -> Answer? {
    scheduling.context = context
    guard let decision = scheduling.decide(profile), let index = decision.picks.first else { return nil }
    let members = scheduling.snapshot.members
    let endpoint = members[index].endpoint
    let effects = profile.picked(
      PickedRequest(request: scheduling.request, context: context, endpoint: endpoint, now: scheduling.now))
    let serving = members[served ?? index]
    var answer = AnswerStart(
      status: 200, served: serving.endpoint.slot, servedAddress: serving.destination, now: scheduling.now)
    for follower in effects.followers {
      follower.responseStarted(&answer)
      follower.ended(.complete, now: scheduling.now)
    }
    return Answer(endpoint: endpoint.name, headers: answer.headers)
  }

  /// The sum of the samples of a family that have a label.
  func count(_ family: String, _ label: String = "") -> Double {
    environment.sessions.services.refreshMetrics(metrics, scheduling.snapshot, now: scheduling.now)
    let lines = String(decoding: metrics.page(), as: UTF8.self).split(separator: "\n")
    return lines.filter { $0.hasPrefix(family + "{") || $0.hasPrefix(family + " ") }.filter { $0.contains(label) }
      .reduce(0) { $0 + ($1.split(separator: " ").last.flatMap { Double($0) } ?? 0) }
  }

  /// Requests of sessions by outcome: new, kept, moved.
  var outcomes: [Double] {
    ["new", "kept", "moved"].map { count("epp_session_affinity_total", "outcome=\"\($0)\"") }
  }
}

/// `count` endpoints e0, e1, ...
func endpoints(_ count: Int) -> [Candidate] { (0..<count).map { Candidate(name: "e\($0)") } }

extension ConfiguredPlugin {
  /// The pin of a strategy.
  static func pin(_ strategy: String?, _ change: (inout PluginArguments) -> Void = { _ in }) -> ConfiguredPlugin {
    sessions(SessionAffinityFilter.descriptor, strategy, change)
  }

  /// The wish of a strategy.
  static func wish(_ strategy: String?, _ change: (inout PluginArguments) -> Void = { _ in }) -> ConfiguredPlugin {
    sessions(SessionAffinityScorer.descriptor, strategy, change)
  }
}
