import EPPCore
import NIOHTTP1
import Testing

@testable import RoutingProxy

@Suite struct RequestRouterTests {
  private static let engine = EndpointAddress(host: "127.0.0.1", port: 8200)

  private static func head(_ method: HTTPMethod, _ uri: String, _ headers: HTTPHeaders = [:]) -> HTTPRequestHead {
    HTTPRequestHead(version: .http1_1, method: method, uri: uri, headers: headers)
  }

  private static func plan(_ api: InferenceAPI, _ target: String) throws -> RequestRoute {
    .disaggregate(DisaggregationPlan(api: api, decoder: engine, prefiller: try NamedTarget(target)))
  }

  @Test(arguments: [
    ("/v1/chat/completions", InferenceAPI.chatCompletions), ("/v1/completions?x=1", .completions),
    ("/v1/messages", .messages), ("/v1/responses", .responses), ("/inference/v1/generate", .generate),
  ])
  func apisOfGeneratedTextAreDisaggregated(_ uri: String, _ api: InferenceAPI) throws {
    let router = RequestRouter(engine: Self.engine)
    let headers = HTTPHeaders([("X-Prefiller-Host-Port", "10.0.0.7:8000")])
    #expect(try router.route(Self.head(.POST, uri, headers), isDraining: false) == Self.plan(api, "10.0.0.7:8000"))
    #expect(router.route(Self.head(.POST, uri), isDraining: false) == .forward(Self.engine, uri: nil))
    #expect(router.route(Self.head(.GET, uri, headers), isDraining: false) == .forward(Self.engine, uri: nil))
    let plain = RequestRouter(engine: Self.engine, disaggregates: false)
    #expect(plain.route(Self.head(.POST, uri, headers), isDraining: false) == .forward(Self.engine, uri: nil))
  }

  @Test(arguments: ["/v1/chat/completions/render", "/v1/embeddings", "/v1/messages/count_tokens", "/metrics", "*"])
  func otherPathsAreForwarded(_ uri: String) {
    let head = Self.head(.POST, uri, [HeaderName.prefillerHostPort: "10.0.0.7:8000"])
    #expect(RequestRouter(engine: Self.engine).route(head, isDraining: false) == .forward(Self.engine, uri: nil))
  }

  @Test func oneOfSeveralTargetsIsPicked() throws {
    let router = RequestRouter(engine: Self.engine) { $0 - 1 }
    let headers = HTTPHeaders([
      (HeaderName.prefillerHostPort, "10.0.0.7:8000, 10.0.0.8:8000"), (HeaderName.prefillerHostPort, "10.0.0.9:8000"),
    ])
    let route = router.route(Self.head(.POST, "/v1/completions", headers), isDraining: false)
    #expect(try route == Self.plan(.completions, "10.0.0.9:8000"))
    let empty = Self.head(.POST, "/v1/completions", [HeaderName.prefillerHostPort: " , "])
    #expect(router.route(empty, isDraining: false) == .forward(Self.engine, uri: nil))
  }

  @Test func anEngineThatHoldsBlocksIsPassedOn() throws {
    let own = EndpointAddress(host: "10.0.0.1", port: 8000)
    let router = RequestRouter(engine: Self.engine, fetchesFromPeers: true, own: own)
    func route(_ source: String, prefiller: String? = nil) -> RequestRoute {
      var headers = HTTPHeaders([(HeaderName.kvCacheSourceHostPort, source)])
      if let prefiller { headers.add(name: HeaderName.prefillerHostPort, value: prefiller) }
      return router.route(Self.head(.POST, "/v1/completions", headers), isDraining: false)
    }
    func plan(_ source: String?, prefiller: String? = nil) throws -> RequestRoute {
      .disaggregate(
        DisaggregationPlan(
          api: .completions, decoder: Self.engine, prefiller: try prefiller.map { try NamedTarget($0) },
          source: try source.map { try NamedTarget($0) }))
    }
    #expect(try route("10.0.0.2:8000") == plan("10.0.0.2:8000"))
    // Nothing is fetched from oneself; what cannot be read is left out.
    for text in ["10.0.0.1:8000", "garbage", ""] {
      #expect(route(text) == .forward(Self.engine, uri: nil))
    }
    #expect(try route("10.0.0.1:8000", prefiller: "10.0.0.7:8000") == plan("10.0.0.1:8000", prefiller: "10.0.0.7:8000"))
    #expect(try route("garbage", prefiller: "10.0.0.7:8000") == plan(nil, prefiller: "10.0.0.7:8000"))
    let without = RequestRouter(engine: Self.engine, own: own)
    let head = Self.head(.POST, "/v1/completions", [HeaderName.kvCacheSourceHostPort: "10.0.0.2:8000"])
    #expect(without.route(head, isDraining: false) == .forward(Self.engine, uri: nil))
  }

  @Test func ranksHaveTheirOwnEngines() {
    let second = EndpointAddress(host: "127.0.0.1", port: 8201)
    let router = RequestRouter(
      engine: Self.engine,
      ranks: [
        .init(name: EndpointAddress(host: "10.0.0.1", port: 8000), engine: Self.engine),
        .init(name: EndpointAddress(host: "10.0.0.1", port: 8001), engine: second),
      ])
    func route(_ name: String) -> RequestRoute {
      router.route(Self.head(.POST, "/v1/models", [HeaderName.dataParallelHostPort: name]), isDraining: false)
    }
    #expect(route("10.0.0.1:8001") == .forward(second, uri: nil))
    #expect(route("10.0.0.1:8002") == .refuse(.unknownRank))
    #expect(route("") == .refuse(.unknownRank))
    let single = RequestRouter(engine: Self.engine)
    let named = Self.head(.POST, "/v1/models", [HeaderName.dataParallelHostPort: "10.0.0.1:8002"])
    #expect(single.route(named, isDraining: false) == .forward(Self.engine, uri: nil))
  }
}
