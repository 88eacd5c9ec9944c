package import EPPCore
import NIOHTTP1

/// What the proxy does with a request, by its head.
enum RequestRoute: Equatable {
  /// Answer it.
  case answer(LocalAnswer)
  /// Send it on to an engine.
  ///
  /// - Parameter uri: Another path to ask for; nil for the request's own.
  case forward(EndpointAddress, uri: String?)
  /// Have other engines encode its media or compute its prompt.
  case disaggregate(DisaggregationPlan)
  /// Refuse it.
  case refuse(ProxyFault)
}

/// How a request is disaggregated, as its headers say; no target is checked yet.
struct DisaggregationPlan: Equatable {
  var api: InferenceAPI
  /// The engine that decodes.
  var decoder: EndpointAddress
  /// The engine that computes the prompt; nil for the one that decodes.
  var prefiller: NamedTarget?
  /// The engines that encode media; none where the request has no such stage.
  var encoders: [NamedTarget] = []
  /// An engine that holds blocks of the prompt; nil for none.
  var source: NamedTarget?
}

/// Chooses the route of requests. A value; the same for all connections of a port.
package struct RequestRouter: Sendable {
  /// An engine of a data-parallel model server.
  package struct Rank: Sendable, Equatable {
    /// The address by which headers name it: the pod's, with the proxy's port of the rank.
    package var name: EndpointAddress
    package var engine: EndpointAddress

    package init(name: EndpointAddress, engine: EndpointAddress) {
      self.name = name
      self.engine = engine
    }
  }

  private let engine: EndpointAddress
  private let ranks: [Rank]
  private let disaggregates: Bool
  private let encodes: Bool
  private let fetchesFromPeers: Bool
  private let own: EndpointAddress?
  private let picksPrefiller: @Sendable (Int) -> Int

  /// - Parameters:
  ///   - engine: The engine of requests that name none.
  ///   - ranks: The engines that headers may name.
  ///   - disaggregates: Whether there are connectors at all.
  ///   - encodes: Whether there is a connector of encode engines.
  ///   - fetchesFromPeers: Whether engines fetch blocks of the prompt from others.
  ///   - own: The address by which headers name `engine`; nil where it is not known.
  ///   - picksPrefiller: Picks one of so many prefill engines.
  package init(
    engine: EndpointAddress, ranks: [Rank] = [], disaggregates: Bool = true, encodes: Bool = false,
    fetchesFromPeers: Bool = false, own: EndpointAddress? = nil,
    picksPrefiller: @escaping @Sendable (Int) -> Int = { _ in 0 }
  ) {
    self.engine = engine
    self.ranks = ranks
    self.disaggregates = disaggregates
    self.encodes = encodes
    self.fetchesFromPeers = fetchesFromPeers
    self.own = own
    self.picksPrefiller = picksPrefiller
  }

  /// The route of a request.
  ///
  /// - Parameter isDraining: Whether the proxy takes no more requests and says so to probes.
  func route(_ head: HTTPRequestHead, isDraining: Bool) -> RequestRoute {
    let path = head.uri.prefix { $0 != "?" }
    if let probe = probe(head.method, path, isDraining) { return probe }
    var (decoder, name) = (engine, own)
    if !ranks.isEmpty, let text = head.headers.first(name: HeaderName.dataParallelHostPort) {
      guard let address = EndpointAddress(text), let rank = ranks.first(where: { $0.name == address }) else {
        return .refuse(.unknownRank)
      }
      (decoder, name) = (rank.engine, rank.name)
    }
    guard disaggregates, let api = Self.api(of: head) else { return .forward(decoder, uri: nil) }
    let prefillers = Self.targets(head.headers[HeaderName.prefillerHostPort])
    let encoders = encodes && api == .chatCompletions ? Self.targets(head.headers[HeaderName.encoderHostsPorts]) : nil
    let source = source(head, name, isComputedElsewhere: prefillers != nil)
    if prefillers == nil, encoders == nil, source == nil { return .forward(decoder, uri: nil) }
    var plan = DisaggregationPlan(api: api, decoder: decoder)
    // An encoder that cannot be used is left out: the engine that computes the prompt encodes as well.
    plan.source = source
    plan.encoders = encoders?.compactMap { name in try? NamedTarget(name) } ?? []
    if let prefillers {
      guard let target = try? NamedTarget(prefillers[picksPrefiller(prefillers.count)]) else {
        return .refuse(.forbiddenTarget)
      }
      plan.prefiller = target
    }
    return .disaggregate(plan)
  }

  /// The engine that holds blocks of the prompt; nil for none, and for the one that computes the prompt. A target that cannot be read
  /// is none: the blocks are computed.
  private func source(_ head: HTTPRequestHead, _ name: EndpointAddress?, isComputedElsewhere: Bool) -> NamedTarget? {
    guard fetchesFromPeers, let text = head.headers.first(name: HeaderName.kvCacheSourceHostPort),
      let target = try? NamedTarget(text), isComputedElsewhere || target.endpoint != name
    else { return nil }
    return target
  }

  /// The API of a request that can be disaggregated; nil for all others.
  static func api(of head: HTTPRequestHead) -> InferenceAPI? {
    head.method == .POST ? apis[String(head.uri.prefix { $0 != "?" })] : nil
  }

  private static let apis: [String: InferenceAPI] = [
    "/v1/chat/completions": .chatCompletions, "/v1/completions": .completions, "/v1/messages": .messages,
    "/v1/responses": .responses, "/inference/v1/generate": .generate,
  ]

  /// Probes. A native sidecar has to be started before the model server is, so these two depend on the proxy alone; `/readyz` is the
  /// model server's `/health`.
  private func probe(_ method: HTTPMethod, _ path: Substring, _ isDraining: Bool) -> RequestRoute? {
    guard method == .GET || method == .HEAD else { return nil }
    switch path {
    case "/livez", "/startupz": return .answer(LocalAnswer(status: .ok, text: "ok\n"))
    case "/readyz" where isDraining:
      return .answer(LocalAnswer(status: .serviceUnavailable, text: "the process is shutting down\n"))
    case "/readyz": return .forward(engine, uri: "/health")
    default: return nil
    }
  }

  /// The targets that header lines name, each of which may have several; nil for none.
  private static func targets(_ lines: [String]) -> [Substring]? {
    var names: [Substring] = []
    for line in lines {
      names += line.split(separator: ",").filter { name in !name.allSatisfy { $0 == " " || $0 == "\t" } }
    }
    return names.isEmpty ? nil : names
  }
}
