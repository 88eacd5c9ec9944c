import EPPCore

/// How a session plugin recognises sessions, from its arguments. Plugins with equal configurations share their sessions.
struct SessionConfiguration: Hashable, Sendable {
  /// Where sessions come from, and who keeps them.
  enum Strategy: Hashable, Sendable {
    /// An id in the first of these sources that has one.
    case ids([SessionIDSource])
    /// The client's address.
    case clientAddress(trustedHops: Int)
    /// A cookie that answers set.
    case cookie(String)
    /// llm-d's token in a header.
    case encodedEndpoint(header: String)
    /// A signed token.
    case signedToken(SessionIDSource, keyFile: String)
  }

  let strategy: Strategy
  /// How long a session outlives its last request, or a token its answer.
  let timeToLive: Duration
  /// The scheduling profile whose picks count; nil for the primary one.
  let profileName: String?

  init(_ arguments: PluginArguments, _ environment: PluginEnvironment) {
    typealias Parameters = SessionParameters
    profileName = arguments[Parameters.profileName]
    let header = arguments[Parameters.header]
    let cookie = arguments[Parameters.cookieName]
    var seconds = arguments[Parameters.timeToLive]
    switch Parameters.strategy(of: arguments) {
    case .encodedEndpoint:
      let nested = arguments[Parameters.encodedEndpoint]?[Parameters.header]
      strategy = .encodedEndpoint(
        header: nested ?? header ?? arguments[Parameters.headerName] ?? HeaderName.sessionToken)
    case .sessionID, .header:
      let nested = arguments[Parameters.sessionID]
      if let given = nested?[Parameters.timeToLive], given > 0 { seconds = given }
      let given = (nested?[Parameters.sources] ?? []) + arguments[Parameters.sources]
      var sources = header.map { [SessionIDSource.header($0)] } ?? []
      for source in given { sources += Self.sources(source, environment.sessions.attributes) }
      strategy = .ids(header == nil && given.isEmpty ? Self.ordinary(environment) : sources)
    case .clientAddress:
      strategy = .clientAddress(trustedHops: arguments[Parameters.trustedHops] ?? 1)
      if seconds == 0 { seconds = 7200 }
    case .cookie: strategy = .cookie(cookie ?? Parameters.ordinaryCookie)
    case .signedToken:
      let place = cookie.map { SessionIDSource.cookie($0) } ?? .header(header ?? HeaderName.sessionToken)
      strategy = .signedToken(place, keyFile: arguments[Parameters.keyFile] ?? "")
    }
    timeToLive = .seconds(seconds > 0 ? seconds : 300)
  }

  /// Headers that have to be kept.
  var headerNames: [String] {
    switch strategy {
    case .ids(let sources): sources.map(\.headerName)
    case .clientAddress: []
    case .cookie: [HeaderName.cookie]
    case .encodedEndpoint(let header): [header]
    case .signedToken(let place, _): [place.headerName]
    }
  }

  private static func sources(_ source: PluginArguments, _ attributes: SessionAttributes) -> [SessionIDSource] {
    typealias Parameters = SessionParameters
    if let header = source[Parameters.header] { return [.header(header)] }
    if let cookie = source[Parameters.cookie] { return [.cookie(cookie)] }
    return source[Parameters.attribute].map { attributes.sources(of: $0, from: source[Parameters.producer]) } ?? []
  }

  /// Where ids are read when no source is given: the place that a producer of session ids names, else `x-session-id`; then the
  /// headers that coding agents send.
  private static func ordinary(_ environment: PluginEnvironment) -> [SessionIDSource] {
    (environment.sessions.attributes.sessionIDs ?? [.header(environment.sessionHeader)]) + AgentIdentity().sources
  }
}

/// The parameters of `SessionAffinityScorer` and `SessionAffinityFilter`: llm-d's, older ones of this picker that are not nested, and
/// those of strategies that llm-d does not have.
package enum SessionParameters {
  /// The values of `strategy`.
  enum Strategy: String, CaseIterable {
    case encodedEndpoint = "encoded_endpoint_header"
    case sessionID = "session_id"
    case header
    case cookie
    case clientAddress = "client_address"
    case signedToken = "signed_token"
  }

  /// The cookie of the strategy `cookie` when none is named.
  static let ordinaryCookie = "epp-session"

  /// Where the session comes from.
  package static let strategy = TypedParameter<String?>.text(
    "strategy",
    "Where the session comes from: encoded_endpoint_header (the default), session_id, header, cookie, client_address or "
      + "signed_token")
  /// The header with the session id or token, in lower case.
  package static let header = TypedParameter<String?>.headerName(
    "header", "The header of the session id or, of the strategies with a token, of the token")
  /// llm-d's older name of the header with its token.
  package static let headerName = TypedParameter<String?>.headerName(
    "headerName", "Of encoded_endpoint_header: the same as encodedEndpointHeaderConfig.header")
  /// A cookie as a source.
  package static let cookie = TypedParameter<String?>.text("cookie", "The cookie that holds the session id")
  /// An attribute of a producer as a source.
  package static let attribute = TypedParameter<String?>.text(
    "attribute", "The attribute of a data producer: \(AgentIdentity.attribute) or \(SessionSource.attribute)")
  /// The producer of an attribute.
  package static let producer = TypedParameter<String?>.text("producer", "The name of the attribute's producer")
  /// Where session ids are read, in this order.
  package static let sources = TypedParameter<[PluginArguments]>.list(
    "sources", [header.declaration, cookie.declaration, attribute.declaration, producer.declaration],
    "Where session ids are read; the first source that has one counts")
  /// How long a session is kept after its last request, in seconds.
  package static let timeToLive = TypedParameter<Double>.number(
    "evictionTtlSeconds", 0...1_000_000_000, default: 0,
    "Seconds that a session outlives its last request; 0 for 300, or 7200 by client address")
  /// Has no effect: expired sessions are removed when sessions are added, and when the metrics page is read.
  static let sweepInterval = TypedParameter<Double>.number(
    "evictionSweepSeconds", 0...1_000_000_000, default: 10,
    "Has no effect: sessions that have ended go with new ones")
  /// llm-d's object for its strategy `encoded_endpoint_header`.
  package static let encodedEndpoint = TypedParameter<PluginArguments?>.object(
    "encodedEndpointHeaderConfig", [header.declaration],
    "Of encoded_endpoint_header: header, x-session-token where it is not given")
  /// llm-d's object for its strategy `session_id`.
  package static let sessionID = TypedParameter<PluginArguments?>.object(
    "sessionIdConfig", [sources.declaration, timeToLive.declaration, sweepInterval.declaration],
    "Of session_id; without sources: x-session-id, then the headers of coding agents")
  /// The scheduling profile whose pick the session follows.
  static let profileName = TypedParameter<String?>.text(
    "profileName", "The profile whose picks count; plugins with different ones have sessions of their own")
  /// The position of the client's hop in `x-forwarded-for`, from the right.
  package static let trustedHops = TypedParameter<Int?>.integer(
    "trustedHops", 1...16,
    "Of client_address: the hop of x-forwarded-for that is the client's, counted from the right; 1 where it is not given"
  )
  /// The cookie of the strategies `cookie` and `signed_token`.
  package static let cookieName = TypedParameter<String?>.text(
    "cookieName",
    "Of cookie: the cookie, \(ordinaryCookie) where it is not given; of signed_token: the cookie in place of the header"
  )
  /// The file with the keys of signed tokens.
  package static let keyFile = TypedParameter<String?>.text(
    "keyFile", "Of signed_token: the file of keys, one per line; the first signs, all check; read again when it changes"
  )

  /// All of them.
  static let declarations = [
    strategy.declaration, encodedEndpoint.declaration, sessionID.declaration, header.declaration,
    headerName.declaration,
    sources.declaration, timeToLive.declaration, sweepInterval.declaration, profileName.declaration,
    trustedHops.declaration, cookieName.declaration, keyFile.declaration,
  ]

  /// The strategy of arguments without problems. Arguments of the older form, which name a header, sources or a time and no strategy,
  /// mean `session_id`.
  static func strategy(of arguments: PluginArguments) -> Strategy {
    if let name = arguments[strategy] { return Strategy(rawValue: name) ?? .encodedEndpoint }
    let isOlder = [header.key, sources.key, timeToLive.key].contains { arguments.isGiven($0) }
    return isOlder ? .sessionID : .encodedEndpoint
  }

  /// Headers that a plugin with these arguments reads.
  @Sendable
  static func needs(_ arguments: PluginArguments, _ environment: PluginEnvironment) -> PluginNeeds {
    PluginNeeds(headers: SessionConfiguration(arguments, environment).headerNames)
  }

  // MARK: Check

  /// Reports unknown strategies, sources that are none, and parameters of other strategies. As in llm-d, what is in the object of
  /// another strategy does not matter.
  @Sendable
  static func check(_ check: inout PluginCheck) {
    let arguments = check.arguments
    if let name = arguments[strategy], Strategy(rawValue: name) == nil {
      check.report(unknown: name, "strategy", among: Strategy.allCases.map(\.rawValue), at: strategy.key)
      return
    }
    let chosen = strategy(of: arguments)
    if chosen == .sessionID || chosen == .header {
      for (index, source) in arguments[sources].enumerated() {
        if let problem = problem(of: source) { check.report(problem, at: sources.key, "\(index)") }
      }
      for (index, source) in (arguments[sessionID]?[sources] ?? []).enumerated() {
        if let problem = problem(of: source) { check.report(problem, at: sessionID.key, sources.key, "\(index)") }
      }
    } else if arguments.isGiven(sessionID.key) {
      check.note("'sessionIdConfig' of \(check.type) has no effect without 'strategy: session_id'")
    }
    if chosen != .encodedEndpoint, arguments.isGiven(encodedEndpoint.key) {
      check.note(
        "'encodedEndpointHeaderConfig' of \(check.type) has no effect with the strategy \(chosen.rawValue)")
    }
    if chosen != .encodedEndpoint, arguments.isGiven(headerName.key) {
      check.note(
        "'headerName' of \(check.type) has no effect with the strategy \(chosen.rawValue): it is 'header' there")
    }
    if chosen != .clientAddress, arguments.isGiven(trustedHops.key) {
      check.report("'trustedHops' belongs to the strategy client_address", at: trustedHops.key)
    }
    if let name = arguments[cookieName] {
      if chosen != .cookie, chosen != .signedToken {
        check.report("'cookieName' belongs to the strategies cookie and signed_token", at: cookieName.key)
      } else if !ResponseCookie.isName(name) {
        check.report("cookieName has to be the name of a cookie, not '\(name.shortened)'", at: cookieName.key)
      }
    }
    if chosen == .signedToken, !arguments.isGiven(keyFile.key) {
      check.report("the strategy signed_token needs a keyFile", at: strategy.key)
    } else if chosen != .signedToken, arguments.isGiven(keyFile.key) {
      check.report("'keyFile' belongs to the strategy signed_token", at: keyFile.key)
    }
  }

  private static func problem(of source: PluginArguments) -> String? {
    let given = [header.key, cookie.key, attribute.key].count { source.isGiven($0) }
    guard given == 1 else { return "an entry of sources needs exactly one of header, cookie and attribute" }
    if let name = source[cookie], !ResponseCookie.isName(name) {
      return "cookie has to be the name of a cookie, not '\(name.shortened)'"
    }
    return nil
  }
}
