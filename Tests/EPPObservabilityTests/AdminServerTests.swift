import AsyncHTTPClient
import EPPScheduling
import FoundationEssentials
import Glibc
import Logging
import NIOCore
import NIOHTTP1
import Synchronization
import Testing

@testable import EPPObservability

@Suite struct AdminServerTests {
  @Test func documentsAreShownWithoutAToken() async throws {
    try await withServer { base, _ in
      let answer = try await send(base + "/debug/thing?x=1")
      #expect(answer.status == 200 && answer.body == #"{"a":1}"#)
      #expect(answer.headers.first(name: "content-type") == "application/json")
      let head = try await send(base + "/debug/thing", method: .HEAD)
      #expect(head.status == 200 && head.body.isEmpty && head.headers.first(name: "content-length") == "7")
      let missing = try await send(base + "/debug/nothing")
      #expect(missing.status == 404)
      #expect(missing.body == "not found; there is GET /both, GET /debug/thing, POST /act, POST /both\n")
    }
  }

  @Test func methodsAreThoseOfThePath() async throws {
    try await withServer { base, _ in
      for (path, method, allowed) in [
        ("/debug/thing", HTTPMethod.POST, "GET, HEAD"), ("/act", .GET, "POST"), ("/both", .PUT, "GET, HEAD, POST"),
        ("/act", .OPTIONS, "POST"),
      ] {
        let answer = try await send(base + path, method: method)
        #expect(answer.status == 405 && answer.headers.first(name: "allow") == allowed, "\(path)")
      }
    }
  }

  @Test func browsersAndForeignNamesAreRefusedEverywhere() async throws {
    try await withServer { base, token in
      for path in ["/debug/thing", "/act", "/nowhere"] {
        for header in [("origin", "http://evil.example"), ("origin", base), ("host", "evil.example")] {
          let method = path == "/act" ? HTTPMethod.POST : .GET
          let answer = try await send(base + path, method: method, token: token, headers: [header])
          #expect(answer.status == 403, "\(path) \(header)")
          #expect(answer.body.split(separator: "\n").count == 1)
        }
      }
      #expect(try await send(base + "/debug/thing", headers: [("host", "localhost")]).status == 200)
    }
  }

  @Test func actionsWantTheToken() async throws {
    try await withServer { base, token in
      let path = AdminTokenFile.defaultPath(port: try port(base), environment: environment)
      let none = try await send(base + "/act", method: .POST)
      #expect(none.status == 401 && none.headers.first(name: "www-authenticate") == "Bearer")
      #expect(none.body.contains("'Authorization: Bearer TOKEN'; it is in \(path)"))
      for wrong in [AdminToken().text, "", String(token.dropLast()), token + "0", token.uppercased()] {
        #expect(try await send(base + "/act", method: .POST, token: wrong).status == 401, "\(wrong)")
      }
      let right = try await send(base + "/act", method: .POST, token: token, body: "do it")
      #expect(right.status == 200 && right.body == #""do it""#)
      let refused = try await send(base + "/act", method: .POST, token: token, body: "no")
      #expect(refused.status == 400 && refused.body == #""no""#)
      let large = String(repeating: "x", count: AdminAction.maximumBodyBytes + 1)
      #expect(try await send(base + "/act", method: .POST, token: token, body: large).status == 413)
      let largest = String(repeating: "x", count: AdminAction.maximumBodyBytes)
      #expect(try await send(base + "/act", method: .POST, token: token, body: largest).status == 200)
    }
  }

  @Test func weightsAreReadFromAnObjectOfNumbers() async throws {
    let asked = Mutex<[[String: Double]]>([])
    let action = AdminAction.weights { weights in
      asked.withLock { $0.append(weights) }
      if weights.keys.contains("x") { return .failure(WeightProblem(["there is no x", "nor y"])) }
      let scorers = weights.map {
        WeightReport.Scorer(profile: "p", name: $0.key, type: "t", weight: $0.value, configuredWeight: 1)
      }
      return .success(WeightReport(scorers: scorers, source: "f"))
    }
    func answer(_ text: String) async -> AdminAction.Outcome { await action.perform(Array(text.utf8)) }
    for text in [
      "", "3", "null", "[]", #"{"a":"3"}"#, #"{"a":null}"#, #"{"a":true}"#, #"{"a":1e999}"#, #"{"a":1"#, "\u{FF}",
    ] {
      guard case .refused(let body) = await answer(text) else {
        Issue.record("\(text) is taken")
        continue
      }
      #expect(try JSONDecoder().decode(WeightProblem.self, from: Data(body)).problems.count == 1)
    }
    #expect(asked.withLock { $0 } == [])
    guard case .refused(let problem) = await answer(#"{"x":1}"#), case .done(let report) = await answer(#"{"a":2.5}"#)
    else {
      Issue.record("the outcomes are others")
      return
    }
    #expect(try JSONDecoder().decode(WeightProblem.self, from: Data(problem)).problems == ["there is no x", "nor y"])
    let expected = WeightReport.Scorer(profile: "p", name: "a", type: "t", weight: 2.5, configuredWeight: 1)
    #expect(
      try JSONDecoder().decode(WeightReport.self, from: Data(report)) == WeightReport(scorers: [expected], source: "f"))
    #expect(asked.withLock { $0 } == [["x": 1], ["a": 2.5]])
  }

  @Test func pagesOfProfilesSayWhatThereIsInstead() async throws {
    try await withServer { base, _ in
      for path in ["/debug/pprof", "/debug/pprof/", "/debug/pprof/heap?seconds=1", "/debug/profile/cpu"] {
        let answer = try await send(base + path)
        #expect(answer.status == 404 && answer.body.contains("perf record -g -p \(getpid()) -- sleep 30"), "\(path)")
      }
      #expect(try await send(base + "/debug/pprofs").body.hasPrefix("not found"))
    }
  }

  @Test func theTokensFileGoesWithTheServer() async throws {
    let path = Mutex("")
    try await withServer { base, token in
      let named = AdminTokenFile.defaultPath(port: try port(base), environment: environment)
      path.withLock { $0 = named }
      #expect(try AdminTokenFile.read(named).text == token)
    }
    #expect(unsafe access(path.withLock { $0 }, F_OK) != 0)
  }

  @Test func withoutAFileDocumentsAreServedAndNothingChanges() async throws {
    let server = try server(environment: ["TMPDIR": "/nonexistent"])
    try await run(server) { base in
      #expect(try await send(base + "/debug/thing").status == 200)
      let answer = try await send(base + "/act", method: .POST, token: AdminToken().text)
      #expect(answer.status == 401 && answer.body.contains("--admin-token-file FILE"))
    }
  }

  @Test func aNamedFileThatCannotBeMadeIsAnError() async throws {
    let (server, _) = try server(environment: [:], tokenFile: "/nonexistent/token")
    let error = await #expect(throws: AdminServerError.self) { try await server.run() }
    #expect(error?.isAboutAddress == false)
    #expect(
      error?.description.hasPrefix("--admin-token-file /nonexistent/token: it cannot be made: No such file") == true)
  }

  @Test func anAddressThatIsTakenIsSaid() async throws {
    try await withServer { base, _ in
      let (second, _) = try server(environment: environment, port: try port(base))
      let error = await #expect(throws: AdminServerError.self) { try await second.run() }
      #expect(error?.isAboutAddress == true)
      let taken = try port(base)
      #expect(
        error?.description
          == "--admin-address 127.0.0.1:\(taken): another process listens there; choose another address, or an "
          + "empty one for none")
    }
  }

  // MARK: A server and a client

  private let environment = ["TMPDIR": "/tmp"]

  private struct Answer {
    var status: UInt
    var headers: HTTPHeaders
    var body: String
  }

  private func port(_ base: String) throws -> Int {
    try #require(base.split(separator: ":").last.flatMap { Int($0) })
  }

  private func server(environment: [String: String], port: Int = 0, tokenFile: String? = nil) throws -> (
    AdminServer, AsyncStream<String>
  ) {
    let (addresses, continuation) = AsyncStream<String>.makeStream()
    let document: @Sendable () -> [UInt8] = { Array(#"{"a":1}"#.utf8) }
    let action = AdminAction { body in
      let answer = JSONDocument.bytes(of: String(decoding: body, as: UTF8.self)).dropLast()
      return body.count == 2 ? .refused(Array(answer)) : .done(Array(answer))
    }
    let configuration = try #require(
      AdminServer.Configuration(hostText: "127.0.0.1", port: port, tokenFile: tokenFile))
    return (
      AdminServer(
        configuration: configuration, environment: environment,
        logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
        documents: ["/debug/thing": document, "/both": document], actions: ["/act": action, "/both": action],
        onListening: { continuation.yield($0) }), addresses
    )
  }

  /// Runs `body` with the URL of a server on a free port and its token, and stops the server afterwards.
  private func withServer(_ body: @escaping @Sendable (_ base: String, _ token: String) async throws -> Void)
    async throws
  {
    try await run(try server(environment: environment)) { base in
      let path = AdminTokenFile.defaultPath(port: try port(base), environment: environment)
      try await body(base, try AdminTokenFile.read(path).text)
    }
  }

  private func run(
    _ made: (server: AdminServer, addresses: AsyncStream<String>),
    _ body: @escaping @Sendable (_ base: String) async throws -> Void
  ) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await made.server.run() }
      var iterator = made.addresses.makeAsyncIterator()
      let address = try #require(await iterator.next(), "the server did not start")
      do {
        try await body("http://\(address)")
      } catch {
        group.cancelAll()
        throw error
      }
      group.cancelAll()
      do { try await group.waitForAll() } catch is CancellationError {}
    }
  }

  private func send(
    _ url: String, method: HTTPMethod = .GET, token: String? = nil, body: String? = nil,
    headers: [(String, String)] = []
  ) async throws -> Answer {
    var request = HTTPClientRequest(url: url)
    request.method = method
    if let token { request.headers.add(name: "authorization", value: "Bearer \(token)") }
    for (name, value) in headers { request.headers.add(name: name, value: value) }
    if let body { request.body = .bytes(ByteBuffer(string: body)) }
    let response = try await HTTPClient.shared.execute(request, timeout: .seconds(10))
    let content = try await response.body.collect(upTo: 1 << 20)
    return Answer(status: response.status.code, headers: response.headers, body: String(buffer: content))
  }
}
