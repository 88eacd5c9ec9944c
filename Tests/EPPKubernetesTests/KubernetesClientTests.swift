import EPPCore
import EPPTestKit
import NIOCore
import NIOHTTP1
import NIOSSL
import Testing

@testable import EPPKubernetes

@Suite struct KubernetesClientTests {
  private let pods = ResourceCollection(.pods, namespace: "ns", labelSelector: "app in (a,b)")

  /// Runs a test with a server and a client of it, then stops both.
  private func withServer(
    tls: TLSConfiguration? = nil, _ change: (inout KubernetesConfiguration) throws -> Void = { _ in },
    limits: KubernetesClient.Limits = KubernetesClient.Limits(),
    _ body: (FakeAPIServer, KubernetesClient) async throws -> Void
  ) async throws {
    let server = try FakeAPIServer(tls: tls)
    try await server.start()
    var configuration = KubernetesConfiguration(server: server.url)
    try change(&configuration)
    let clock = ManualClock()
    let client = try KubernetesClient(configuration, limits: limits, clock: { clock.now })
    do {
      try await body(server, client)
    } catch {
      Issue.record(error)
    }
    await client.shutdown()
    try await server.stop()
  }

  private func page(_ client: KubernetesClient, limit: Int? = nil, continuation: String? = nil)
    async throws(KubernetesError)
    -> ResourcePage<Pod>
  { try await client.page(of: pods, limit: limit, continuation: continuation) }

  @Test("A list in pages: path, selector, limit, continuation, token")
  func pages() async throws {
    try await withServer({ $0.credentials = .token("secret") }) { server, client in
      for name in ["p1", "p2", "p3"] { server.put(pod: name, address: "10.0.0.1", labels: ["app": "b"]) }
      server.put(pod: "other", address: "10.0.0.1", labels: ["app": "c"])
      let first = try await page(client, limit: 2)
      #expect(first.items.map(\.key.name) == ["p1", "p2"])
      let second = try await page(client, limit: 2, continuation: first.continuation)
      #expect(second.items.map(\.key.name) == ["p3"] && second.continuation == nil)
      #expect(first.resourceVersion == second.resourceVersion)
      let request = try #require(server.requests.last)
      #expect(request.path == FakeAPIServer.pods)
      #expect(
        request.query == ["labelSelector": "app in (a,b)", "limit": "2", "continue": first.continuation ?? ""])
      #expect(request.headers["authorization"] == ["Bearer secret"])
    }
  }

  @Test(
    "Answers that are no success keep their status and reason",
    arguments: [(401, "Unauthorized"), (403, "Forbidden"), (404, "NotFound")])
  func failures(code: Int, reason: String) async throws {
    try await withServer { server, client in
      server.set {
        switch code {
        case 401: $0.acceptedToken = "x"
        case 403: $0.forbidden = [FakeAPIServer.pods]
        default: $0.missing = [FakeAPIServer.pods]
        }
      }
      let error = await #expect(throws: KubernetesError.self) { try await page(client) }
      #expect(error?.status == KubernetesStatus(code: code, reason: reason, message: "no"))
      #expect(error.map { "\($0)" } == "the API server answers \(code) \(reason): no")
    }
  }

  @Test("Changes carry their method, type and body")
  func changes() async throws {
    try await withServer { server, client in
      let body = ByteBuffer(string: #"{"a":1}"#)
      for (method, name, type) in [
        (KubernetesClient.Method.post(body), "POST", "application/json"), (.put(body), "PUT", "application/json"),
      ] {
        let answer = try await client.send(method, "/api/v1/x", query: [("dryRun", "All &more")])
        #expect(String(buffer: answer) == #"{"echo": "\#(name) \#(type)"}"#)
        let request = try #require(server.requests.last)
        #expect(request.body == #"{"a":1}"# && request.query == ["dryRun": "All &more"])
      }
    }
  }

  @Test("A server that does not answer is given up after the limit")
  func timeouts() async throws {
    var limits = KubernetesClient.Limits()
    limits.answer = .milliseconds(100)
    try await withServer(limits: limits) { server, client in
      server.set { $0.isSilent = true }
      await #expect(throws: KubernetesError.timedOut) { try await page(client) }
      await #expect(throws: KubernetesError.timedOut) {
        let _: WatchStream<Pod> = try await client.watch(pods, after: "1", seconds: 60)
      }
    }
  }

  @Test("A server that does not listen is no time-out")
  func refusedConnection() async throws {
    try await withServer { server, client in
      try await server.kill()
      let error = await #expect(throws: KubernetesError.self) { try await page(client) }
      guard case .connection = error else { return #expect(Bool(false), "\(String(describing: error))") }
    }
  }

  @Test("An answer over the limit is not kept")
  func tooLarge() async throws {
    var limits = KubernetesClient.Limits()
    limits.answerBytes = 1000
    try await withServer(limits: limits) { server, client in
      for number in 0..<5 { server.put(pod: "p\(number)", address: "10.0.0.1", labels: ["app": "a"]) }
      await #expect(throws: KubernetesError.tooLarge(limit: 1000)) { try await page(client) }
    }
  }

  @Test("Events come one by one, however the lines are cut into pieces", arguments: [1, 7, 4096])
  func watch(pieceBytes: Int) async throws {
    try await withServer { server, client in
      server.set { $0.pieceBytes = pieceBytes }
      let stream: WatchStream<Pod> = try await client.watch(pods, after: "100", seconds: 77)
      let request = try #require(server.watches(FakeAPIServer.pods).last)
      #expect(
        request.query == [
          "watch": "1", "labelSelector": "app in (a,b)", "resourceVersion": "100", "allowWatchBookmarks": "true",
          "timeoutSeconds": "77",
        ])
      server.put(pod: "x", address: "10.0.0.1", labels: ["app": "a"])
      server.put(pod: "ignored", address: "10.0.0.1", labels: ["app": "z"])
      server.put(pod: "x", address: "10.0.0.2", labels: ["app": "b"])
      server.put(pod: "x", address: "10.0.0.2", labels: ["app": "z"])
      server.bookmark()
      var received: [String] = []
      let result: Bool? = try await stream.forEach { event in
        switch event {
        case .upserted(let pod): received.append("+\(pod.key.name) \(pod.addresses)")
        case .deleted(let pod): received.append("-\(pod.key.name)")
        case .bookmark(let version):
          received.append("= \(version)")
          return true
        default: return false
        }
        return nil
      }
      #expect(result == true)
      #expect(received == [#"+x ["10.0.0.1"]"#, #"+x ["10.0.0.2"]"#, "-x", "= 104"])
    }
  }

  @Test("Who takes events slowly holds up the server, and loses none")
  func backPressure() async throws {
    try await withServer { server, client in
      let stream: WatchStream<Pod> = try await client.watch(pods, after: "100", seconds: 60)
      let events = 3000
      let resume = OneShotEvent()
      let reading = Task {
        var count = 0
        let _: Bool? = try await stream.forEach { event in
          await resume.wait()
          count += 1
          return count == events ? true : nil
        }
        return count
      }
      // 60 MB: more than the operating system buffers for a connection.
      let text = String(repeating: "x", count: 20_000)
      for number in 0..<events {
        server.put(pod: "p\(number)", address: "10.0.0.1", labels: ["app": "a", "text": text])
      }
      #expect(await eventually { server.isHeldUp })
      #expect(await !eventually(within: .milliseconds(300)) { !server.isHeldUp })
      resume.signal()
      #expect(try await reading.value == events)
    }
  }

  @Test("A line over the limit ends the watch")
  func longLine() async throws {
    var limits = KubernetesClient.Limits()
    limits.lineBytes = 1000
    try await withServer(limits: limits) { server, client in
      let stream: WatchStream<Pod> = try await client.watch(pods, after: "100", seconds: 60)
      server.put(pod: "x", address: "10.0.0.1", labels: ["app": "a", "long": String(repeating: "x", count: 2000)])
      await #expect(throws: KubernetesError.tooLarge(limit: 1000)) {
        let _: Bool? = try await stream.forEach { _ in nil }
      }
    }
  }

  @Test("TLS: the authority is checked, and the client shows its certificate")
  func tls() async throws {
    let authority = try TestAuthority()
    let client = try authority.identity("client")
    let tls = try authority.serverConfiguration()
    let identity = KubernetesConfiguration.Identity(
      chain: .bytes(Array(client.chainPEM.utf8)), key: .bytes(Array(client.keyPEM.utf8)))
    let trust = KubernetesConfiguration.Trust.authorities(.bytes(try authority.pem))
    try await withServer(tls: tls, { ($0.trust, $0.identity) = (trust, identity) }) { server, client in
      server.put(pod: "x", address: "10.0.0.1", labels: ["app": "a"])
      let listed = try await page(client)
      #expect(listed.items.count == 1)
    }
    try await withServer(tls: tls, { ($0.trust, $0.identity) = (.anything, identity) }) { _, client in
      let listed = try await page(client)
      #expect(listed.items.isEmpty)
    }
    // First an authority that did not sign the server's certificate, then no client certificate.
    let other = try TestAuthority()
    for (trust, identity) in [
      (KubernetesConfiguration.Trust.authorities(.bytes(try other.pem)), identity), (trust, nil),
    ] {
      try await withServer(tls: tls, { ($0.trust, $0.identity) = (trust, identity) }) { server, client in
        let error = await #expect(throws: KubernetesError.self) { try await page(client) }
        guard case .connection = error else { return #expect(Bool(false), "\(String(describing: error))") }
        #expect(server.requests.isEmpty)
      }
    }
  }

  @Test("Certificates that cannot be used are told before anything is asked")
  func badCertificates() throws {
    let clock = ManualClock()
    for (trust, identity, words) in [
      (KubernetesConfiguration.Trust.authorities(.bytes([1])), nil, "certificate authority: no certificate"),
      (.authorities(.file("/nowhere/ca.crt")), nil, "certificate authority: /nowhere/ca.crt: it does not exist"),
      (
        .system, KubernetesConfiguration.Identity(chain: .bytes([1]), key: .bytes([1])),
        "client certificate: no certificate"
      ),
    ] {
      let problem = #expect(throws: KubernetesConfiguration.Problem.self) {
        try KubernetesClient(
          KubernetesConfiguration(server: "https://k", identity: identity, trust: trust), clock: { clock.now })
      }
      #expect(problem?.description.hasPrefix(words) ?? false, "\(problem?.description ?? "")")
    }
  }
}
