import AsyncHTTPClient
import EPPCore
import EPPMetrics
import EPPObservability
import Logging
import NIOCore
import NIOHTTP1
import ServiceLifecycle
import Synchronization
import Testing

@Suite struct ObservabilityServerTests {
  @Test func metricsAreServedFreshWithTheirMediaType() async throws {
    let metrics = PickerMetrics()
    let refreshes = Counter()
    try await withServer(
      page: {
        refreshes.increment()
        metrics.bufferedBodyBytes.set(42)
        return metrics.page()
      }
    ) { base in
      for _ in 0..<2 {
        let response = try await get(base + "/metrics?x=1")
        #expect(response.status == 200)
        #expect(response.contentType == "text/plain; version=0.0.4; charset=utf-8")
        #expect(response.body.contains("\nepp_buffered_body_bytes 42\n"))
      }
      #expect(refreshes.value == 2)
    }
  }

  @Test func healthIsAlwaysGoodAndReadinessSaysWhyNot() async throws {
    let state = Mutex(Readiness.notReady(reason: "no endpoint is known"))
    try await withServer(readiness: { state.withLock { $0 } }) { base in
      let notReady = try await get(base + "/readyz")
      #expect(notReady.status == 503)
      #expect(notReady.body == "no endpoint is known\n")
      let healthy = try await get(base + "/healthz")
      #expect(healthy.status == 200)
      #expect(healthy.body == "ok\n")
      state.withLock { $0 = .ready }
      let ready = try await get(base + "/readyz")
      #expect(ready.status == 200)
      #expect(ready.body == "ok\n")
    }
  }

  @Test func otherPathsAndMethodsAreRefusedHelpfully() async throws {
    try await withServer { base in
      let missing = try await get(base + "/metrix")
      #expect(missing.status == 404)
      #expect(missing.body == "not found; there is /metrics, /healthz, /readyz\n")
      let posted = try await get(base + "/metrics", method: .POST)
      #expect(posted.status == 405)
      #expect(posted.allow == "GET, HEAD")
    }
  }

  @Test func documentsAreElsewhere() async throws {
    let address = Mutex<String?>(nil)
    try await withServer(adminAddress: { address.withLock { $0 } }) { base in
      for path in ["/debug", "/debug/", "/debug/kv-events", "/debug/pprof/heap"] {
        let none = try await get(base + path)
        #expect(none.status == 404 && none.body.contains("has none; start it with --admin-address HOST:PORT"))
      }
      address.withLock { $0 = "127.0.0.1:9091" }
      let there = try await get(base + "/debug/kv-events")
      #expect(there.status == 404 && there.body.contains("on the admin address, http://127.0.0.1:9091\n"))
      #expect(try await get(base + "/debugger").body.hasPrefix("not found; there is /metrics"))
    }
  }

  @Test func whoMayNotSeeAPageIsToldWhy() async throws {
    let asked = Mutex<[String]>([])
    let access: @Sendable (String?, String) async -> PageAccess = { token, path in
      asked.withLock { $0.append("\(token ?? "-") \(path)") }
      return switch token {
      case "good": .granted
      case "poor": .forbidden
      case "slow": .undecided(reason: "nobody knows")
      default: .unauthenticated
      }
    }
    try await withServer(page: { Array("x 1\n".utf8) }, access: access) { base in
      for (header, status, body) in [
        ("Bearer good", 200, "x 1\n"), ("bearer  good", 200, "x 1\n"), ("Basic good", 401, nil), ("good", 401, nil),
        ("Bearer", 401, nil), ("Bearer slow", 503, "nobody knows\n"),
        ("Bearer poor", 403, "the account of the token needs a ClusterRole with nonResourceURLs /metrics, verb get\n"),
      ] as [(String, UInt, String?)] {
        let response = try await get(base + "/metrics", authorization: header)
        #expect(response.status == status, "\(header)")
        if let body { #expect(response.body == body) }
      }
      let anonymous = try await get(base + "/metrics")
      #expect(anonymous.status == 401 && anonymous.challenge == "Bearer")
      #expect(try await get(base + "/debug/x", authorization: "Bearer poor").status == 403)
      let questions = asked.withLock { $0.count }
      for path in ["/healthz", "/readyz"] { #expect(try await get(base + path).status == 200) }
      #expect(asked.withLock { $0.count } == questions && asked.withLock { $0.last } == "poor /debug/x")
    }
  }

  @Test func headHasTheLengthAndNoBody() async throws {
    try await withServer(page: { Array("x 1\n".utf8) }) { base in
      let head = try await get(base + "/metrics", method: .HEAD)
      #expect(head.status == 200)
      #expect(head.contentLength == "4")
      #expect(head.body.isEmpty)
      #expect(try await get(base + "/nowhere", method: .HEAD).status == 404)
    }
  }

  @Test func aPortThatIsTakenIsSaidWithTheNameOfTheFlag() async throws {
    try await withServer { base in
      let port = try #require(base.split(separator: ":").last.flatMap { Int($0) })
      let second = ObservabilityServer(
        configuration: .init(host: "127.0.0.1", port: port), logger: quietLogger, page: { [] },
        readiness: { .ready })
      let error = await #expect(throws: ObservabilityServerError.self) { try await second.run() }
      #expect(
        error?.description
          == "--metrics-port \(port): another process listens on this port of 127.0.0.1; stop it or choose another port"
      )
    }
  }

  @Test func gracefulShutdownEndsTheServerAlthoughAConnectionIsKeptAlive() async throws {
    let (ports, continuation) = AsyncStream<Int>.makeStream()
    let server = ObservabilityServer(
      configuration: .init(host: "127.0.0.1", port: 0), logger: quietLogger, page: { [] }, readiness: { .ready },
      onListening: { continuation.yield($0) })
    let group = ServiceGroup(services: [ServerService(server: server)], logger: quietLogger)
    async let ended: Void = group.run()
    var iterator = ports.makeAsyncIterator()
    let port = try #require(await iterator.next())
    #expect(try await get("http://127.0.0.1:\(port)/healthz").status == 200)
    await group.triggerGracefulShutdown()
    try await ended
  }

  // MARK: A server and a client

  private struct ServerService: Service {
    let server: ObservabilityServer
    func run() async throws { try await server.run() }
  }

  private struct Answer {
    var status: UInt
    var contentType: String?
    var contentLength: String?
    var allow: String?
    var challenge: String?
    var body: String
  }

  private var quietLogger: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }

  /// Runs `body` with the address of a server on a free port, and stops the server afterwards.
  private func withServer(
    page: @escaping @Sendable () -> [UInt8] = { [] }, readiness: @escaping @Sendable () -> Readiness = { .ready },
    access: (@Sendable (String?, String) async -> PageAccess)? = nil,
    adminAddress: @escaping @Sendable () -> String? = { nil },
    _ body: @escaping @Sendable (_ base: String) async throws -> Void
  ) async throws {
    let (ports, continuation) = AsyncStream<Int>.makeStream()
    let server = ObservabilityServer(
      configuration: .init(host: "127.0.0.1", port: 0), logger: quietLogger, page: page, readiness: readiness,
      access: access, adminAddress: adminAddress, onListening: { continuation.yield($0) })
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        defer { continuation.finish() }
        try await server.run()
      }
      var iterator = ports.makeAsyncIterator()
      let port = try #require(await iterator.next(), "the server did not start")
      do {
        try await body("http://127.0.0.1:\(port)")
      } catch {
        group.cancelAll()
        throw error
      }
      group.cancelAll()
      do { try await group.waitForAll() } catch is CancellationError {}
    }
  }

  private func get(_ url: String, method: HTTPMethod = .GET, authorization: String? = nil) async throws -> Answer {
    var request = HTTPClientRequest(url: url)
    if let authorization { request.headers.add(name: "authorization", value: authorization) }
    request.method = method
    let response = try await HTTPClient.shared.execute(request, timeout: .seconds(10))
    let body = try await response.body.collect(upTo: 1 << 20)
    return Answer(
      status: response.status.code, contentType: response.headers.first(name: "content-type"),
      contentLength: response.headers.first(name: "content-length"),
      allow: response.headers.first(name: "allow"), challenge: response.headers.first(name: "www-authenticate"),
      body: String(buffer: body))
  }
}
