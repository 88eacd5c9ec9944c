import EPPCore
import EPPMetrics
import EPPPrefixCache

/// `session-affinity-scorer`: 1 for the endpoint to which the session's last request was sent, 0 for the others. Any thread may
/// use it.
///
/// A session without a live entry, or whose endpoint is no candidate, is placed by rendezvous hashing over the candidates,
/// independent of load, so that replicas and a restarted picker agree. A request without a session scores 0 everywhere. Session
/// ids come from clients, so they only add to the sum and never force an endpoint.
package final class SessionAffinityScorer: Scorer, RequestObserver, PluginStateReporting {
  // MARK: Parameters

  /// Where the session comes from.
  package static let strategy = TypedParameter<String?>.text(
    "strategy", "Where the session comes from: header or session_id (a header), or client_address")
  /// The header with the session id, in lower case.
  package static let header = TypedParameter<String?>.headerName("header", "The header that holds the session id")
  /// Headers with the session id, of which the first is read.
  package static let sources = TypedParameter<[PluginArguments]>.list(
    "sources", [header.declaration], "Headers that hold the session id; the first one is read")
  /// How long a session is kept after its last request, in seconds.
  package static let timeToLive = TypedParameter<Int?>.integer(
    "evictionTtlSeconds", 1...31_536_000,
    "Seconds that a session outlives its last request: 300, or 7200 by client address, where it is not given")
  /// Has no effect: expired sessions are removed when sessions are added.
  package static let sweepInterval = TypedParameter<Int?>.integer(
    "evictionSweepSeconds", 1...31_536_000, "Has no effect: sessions that have ended go with each new one")
  /// Has no effect.
  package static let profileName = TypedParameter<String?>.text("profileName", "Has no effect: there is one profile")
  /// The position of the client's hop in `x-forwarded-for`, from the right.
  package static let trustedHops = TypedParameter<Int?>.integer(
    "trustedHops", 1...16,
    "The hop of x-forwarded-for that is the client's, counted from the right; 1 where it is not given")

  /// The plugin type.
  package static let descriptor = PluginDescriptor(
    "session-affinity-scorer", "Prefers the endpoint where the session's last request went",
    parameters: [
      strategy.declaration, header.declaration, sources.declaration, timeToLive.declaration,
      sweepInterval.declaration, profileName.declaration, trustedHops.declaration,
    ],
    needs: { arguments, environment in
      if case .header(let name) = Strategy(arguments, environment) { return PluginNeeds(headers: [name]) }
      return PluginNeeds()
    }, check: check, parts: [.scorer { SessionAffinityScorer($0, $1) }])

  /// Where a request's session id comes from.
  private enum Strategy: Equatable {
    /// The value of a header, lower case; requests without it have no session.
    case header(String)
    /// The client's address: the gateway's `source.address` attribute, else the hop of `x-forwarded-for` at this position from
    /// the right (1 is the last).
    case clientAddress(trustedHops: Int)

    static let byAddress = "client_address"
    static let known = ["header", "session_id", byAddress]
    static let elsewhere = ["encoded_endpoint_header", "cookie", "signed_token"]

    init(_ arguments: PluginArguments, _ environment: PluginEnvironment) {
      self =
        arguments[SessionAffinityScorer.strategy] == Self.byAddress
        ? .clientAddress(trustedHops: arguments[SessionAffinityScorer.trustedHops] ?? 1)
        : .header(SessionAffinityScorer.headers(arguments).first ?? environment.sessionHeader)
    }
  }

  /// The headers of `header` and `sources`, in this order.
  private static func headers(_ arguments: PluginArguments) -> [String] {
    ([arguments[header]] + arguments[sources].map { $0[header] }).compactMap(\.self)
  }

  @Sendable
  private static func check(_ check: inout PluginCheck) {
    let arguments = check.arguments
    let headers = headers(arguments)
    for (index, source) in arguments[sources].enumerated() where !source.isGiven(header.key) {
      check.report("an entry of sources needs a header", at: sources.key, "\(index)")
    }
    if headers.count > 1 {
      check.note("\(check.type) reads session ids from \(headers[0]) only: one source is supported")
    }
    guard let name = arguments[strategy] else {
      if headers.isEmpty {
        check.note(
          "\(check.type) reads session ids from x-session-id: llm-d's default strategy encoded_endpoint_header is "
            + "not supported by this version yet")
      }
      if arguments.isGiven(trustedHops.key) {
        check.report("'trustedHops' belongs to the strategy client_address", at: trustedHops.key)
      }
      return
    }
    let known = Strategy.known.joined(separator: ", ")
    if Strategy.elsewhere.contains(name) {
      check.report("the strategy '\(name)' is not supported by this version yet (known: \(known))", at: strategy.key)
    } else if !Strategy.known.contains(name) {
      check.report(unknown: name, "strategy", among: Strategy.known, at: strategy.key)
    } else if name != Strategy.byAddress, arguments.isGiven(trustedHops.key) {
      check.report("'trustedHops' belongs to the strategy client_address", at: trustedHops.key)
    }
  }

  // MARK: Scoring

  /// Bounds of memory: sessions of one client address, and sessions in all.
  private static let (maximumPerAddress, maximum) = (10_000, 1_000_000)

  private let strategy: Strategy
  private let table: SessionTable
  private let secret: TextDigest
  private let counters: PickerMetrics.SessionAffinityCounters?

  /// A scorer without sessions.
  package init(_ arguments: PluginArguments, _ environment: PluginEnvironment) {
    strategy = Strategy(arguments, environment)
    secret = TextDigest(first: environment.seed.first, second: environment.seed.second)
    counters = environment.metrics?.sessionAffinity
    let ordinary = if case .clientAddress = strategy { 7200 } else { 300 }
    table = SessionTable(
      timeToLive: .seconds(arguments[Self.timeToLive] ?? ordinary), maximumSessions: Self.maximum,
      maximumSessionsPerAddress: Self.maximumPerAddress)
  }

  package var observer: (any RequestObserver)? { self }

  package func score(_ context: borrowing SchedulingContext, into scores: inout [Double]) {
    guard let session = key(of: context.context) else { return }
    if let bound = table.slot(of: session, now: context.now), let index = context.slots.firstIndex(of: bound) {
      scores[index] = 1
      return
    }
    let all = context.snapshot.members
    let members = all.span
    var best = 0
    var greatest: UInt64 = 0
    for index in context.candidates.indices {
      // By address, which replicas share; slots they do not.
      let destination = members[context.candidates[index]].destination
      let weight = TextDigest.shared.digest(destination, after: session.placement)
      if weight > greatest {
        best = index
        greatest = weight
      }
    }
    scores[best] = 1
  }

  package func picked(_ pick: borrowing PickedRequest, _ effects: inout PickEffects) {
    guard let session = key(of: pick.context) else { return }
    let outcome = table.bind(session, to: pick.endpoint.slot, now: pick.now)
    guard let counters else { return }
    switch outcome {
    case .new: counters.new.increment()
    case .kept: counters.kept.increment()
    case .moved: counters.moved.increment()
    }
  }

  package func stateReport() -> SessionTableReport { SessionTableReport(sessions: table.count) }

  private func key(of context: RequestContext) -> SessionKey? {
    switch strategy {
    case .header(let name):
      guard let id = context.headers.first(name), !id.isEmpty else { return nil }
      let owner = ClientAddress.read(context, trustedHops: 1).map { secret.digest($0) }
      return SessionKey(digest: secret.digest(id), placement: TextDigest.shared.digest(id), owner: owner)
    case .clientAddress(let trustedHops):
      // Every address has one session, so there is nothing to count together.
      return ClientAddress.read(context, trustedHops: trustedHops).map {
        SessionKey(digest: secret.digest($0), placement: TextDigest.shared.digest($0))
      }
    }
  }
}
