import EPPCore
import EPPScheduling
import EPPTestKit
import Testing

@Suite struct SessionTokenTests {
  private static let name = "x-session-token"

  // MARK: llm-d's token

  @Test func theTokenIsLLMDs() throws {
    let router = SessionRouter(
      filters: [.pin(nil)], scorers: [.queue], endpoints: [Candidate(name: "vllm-7f9-abcde-rank-0")])
    let answer = try #require(router.send())
    // printf 'default/vllm-7f9-abcde-rank-0' | base64
    #expect(answer.headers == [.init(name: Self.name, value: "ZGVmYXVsdC92bGxtLTdmOS1hYmNkZS1yYW5rLTA=")])
    #expect(router.profile.headerNames == [Self.name])
  }

  @Test func aTokenLeadsBackAndEveryAnswerHasOne() throws {
    let router = SessionRouter(filters: [.pin(nil)], scorers: [.queue], endpoints: endpoints(8))
    for _ in 0..<100 {
      let first = try #require(router.send())
      let token = try #require(first.header(Self.name))
      for _ in 0..<3 {
        let next = try #require(router.send([(Self.name, token)]))
        #expect(next.endpoint == first.endpoint)
        #expect(next.header(Self.name) == token)
      }
    }
    #expect(router.outcomes == [100, 300, 0])
    // The client keeps it.
    #expect(router.count("epp_sessions") == 0)
  }

  @Test func theWishOfATokenIsOneForItsEndpoint() throws {
    let router = SessionRouter(
      scorers: [.wish("encoded_endpoint_header") { $0[SessionParameters.header] = "x-mine" }], endpoints: endpoints(3))
    let first = try #require(router.send())
    let token = try #require(first.header("x-mine"))
    _ = router.send([("x-mine", token)])
    #expect(router.scheduling.scratch.totals == (0..<3).map { "e\($0)" == first.endpoint ? 1 : 0 })
  }

  @Test(
    arguments: [
      "e1", "ZTE=", "!!!!", "ZGVmYXVsdC9lMQ", "ZGVmYXVsdC9lMQ===", "ZGVmYXVsdC9lMQ=a", "ZGVmYXVsdC9lMQ= =", "",
      String(repeating: "ZGVm", count: 300), "ZGVmYXVsdC9l\u{0}Q==",
    ]) func whatIsNoTokenIsNoPreference(token: String) throws
  {
    let router = SessionRouter(filters: [.pin(nil)], scorers: [.queue], endpoints: endpoints(3))
    var seen: Set<String> = []
    for _ in 0..<60 { seen.insert(router.send([(Self.name, token)])?.endpoint ?? "none") }
    #expect(seen.count == 3)
    #expect(router.count("epp_session_tokens_ignored_total", "malformed") == (token.isEmpty ? 0 : 60))
    #expect(router.outcomes == [60, 0, 0])
  }

  @Test(
    arguments: [
      ("default/e1", "e1"), ("default/e9", nil), ("other/e1", nil), ("/e1", nil), ("default/", nil),
      ("default/e1/x", nil),
    ] as [(String, String?)])
  func aTokenPinsAmongTheCandidatesAlone(content: String, home: String?) throws {
    let router = SessionRouter(filters: [.pin(nil)], scorers: [.queue], endpoints: endpoints(3))
    let token = base64(content)
    var seen: Set<String> = []
    for _ in 0..<60 { seen.insert(router.send([(Self.name, token)])?.endpoint ?? "none") }
    #expect(seen == (home.map { [$0] } ?? ["e0", "e1", "e2"]))
    // The gateway's subset comes first.
    var context = RequestContext(requestID: "r", headers: RequestHeaders([.init(name: Self.name, value: token)]))
    context.subset = .only(["10.0.0.2:8000"])
    #expect(router.send(context)?.endpoint == "e2")
  }

  @Test func theTokenNamesWhoServes() throws {
    let router = SessionRouter(filters: [.pin(nil)], scorers: [.queue], endpoints: endpoints(3))
    for _ in 0..<60 { _ = router.send() }
    let token = try #require(router.send(servedBy: 2)?.header(Self.name))
    #expect(router.send([(Self.name, token)])?.endpoint == "e2")
    // Nothing is known of an endpoint that was never picked: the client keeps what it has.
    let fresh = SessionRouter(
      filters: [.pin(nil)], scorers: [.queue], endpoints: (0..<3).map { Candidate(name: "e\($0)", waiting: $0) })
    #expect(fresh.send(servedBy: 2)?.headers == [])
  }

  private func base64(_ text: String) -> String {
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
    var bits = text.utf8.flatMap { byte in (0..<8).reversed().map { byte >> UInt8($0) & 1 } }
    while bits.count % 6 != 0 { bits.append(0) }
    var result = stride(from: 0, to: bits.count, by: 6).map { start in
      String(alphabet[bits[start..<start + 6].reduce(0) { $0 << 1 | Int($1) }])
    }.joined()
    while result.count % 4 != 0 { result += "=" }
    return result
  }

  // MARK: Signed tokens

  private static let path = "keys"
  private static let start = MonotonicTime(nanoseconds: 1_000_000_000)

  private func signing(
    _ keys: String, at unixTime: Int64 = 1_800_000_000, cookie: String? = nil, _ count: Int = 8
  ) throws -> SessionRouter {
    let router = SessionRouter(
      filters: [
        .pin("signed_token") {
          $0[SessionParameters.keyFile] = Self.path
          $0[SessionParameters.cookieName] = cookie
        }
      ], scorers: [.queue], endpoints: endpoints(count))
    try load(keys, router)
    try ring(router).setTime(unixTime, at: Self.start)
    return router
  }

  private func ring(_ router: SessionRouter) throws -> SessionKeyRing {
    try #require(router.environment.sessions.services.keyRings[Self.path])
  }

  private func load(_ keys: String, _ router: SessionRouter) throws {
    try ring(router).replace(with: SessionSigningKey.keys(in: keys))
  }

  private func key(_ letter: Character) -> String { String(repeating: letter, count: 44) }

  @Test func aSignedTokenLeadsBackEverywhereWhereTheKeyIs() throws {
    let (router, other) = (try signing(key("a")), try signing(key("a")))
    for _ in 0..<50 {
      let first = try #require(router.send())
      let token = try #require(first.header(Self.name))
      // Neither name nor address can be read from it.
      #expect(token.utf8.count == 71)
      for picker in [router, other] { #expect(picker.send([(Self.name, token)])?.endpoint == first.endpoint) }
    }
    #expect(router.outcomes == [50, 50, 0])
  }

  @Test func aCookieCanCarryIt() throws {
    let router = try signing(key("a"), cookie: "sid")
    let first = try #require(router.send())
    let cookies = try #require(first.cookies)
    #expect(router.send([("cookie", cookies)])?.endpoint == first.endpoint)
    #expect(router.profile.headerNames == ["cookie"])
  }

  @Test func theBytesOfATokenAreFixed() throws {
    let ring = SessionKeyRing()
    ring.replace(with: [SessionSigningKey(Array(key("a").utf8))])
    ring.setTime(1_800_000_000, at: MonotonicTime(nanoseconds: 0))
    let token = try #require(
      ring.token(for: "10.0.0.1:8000", timeToLive: .seconds(300), now: MonotonicTime(nanoseconds: 0)))
    // Replicas of different versions have to agree.
    #expect(token == Self.golden)
    #expect(try ring.read(token, now: MonotonicTime(nanoseconds: 299_000_000_000)).names("10.0.0.1:8000"))
  }

  private static let golden = "AZTSMngAAAAAa0nTLE5witbwjkpNBBlktJznRvw8d3t622qCjSIGv9uqnafQgYE9pDH-dZk"

  @Test func forgedTokensAreIgnored() throws {
    let router = try signing(key("a"))
    let token = Array(try #require(router.send()?.header(Self.name)))
    var forged = 0.0
    var random = SeededGenerator(seed: 3)
    // Every digit that is not of the version or of the key's name.
    for position in 7..<token.count {
      var wrong = token
      // The last digit has unused bits.
      wrong[position] = wrong[position] == "A" ? "q" : "A"
      if position == token.count - 1 { continue }
      let answer = try #require(router.send([(Self.name, String(wrong))]))
      #expect(answer.header(Self.name) != nil)
      forged += 1
    }
    #expect(router.count("epp_session_tokens_ignored_total", "forged") == forged)
    // Texts that only look like one.
    for count in [0, 1, 53, 70, 71, 72, 142, 143, 5_000] {
      let text = String((0..<count).map { _ in "abcXYZ019-_".randomElement(using: &random) ?? "a" })
      _ = router.send([(Self.name, text)])
    }
    #expect(router.count("epp_session_tokens_ignored_total") >= forged + 8)
    #expect(router.count("epp_session_affinity_total", #"outcome="kept""#) == 0)
  }

  @Test func foreignTokensAreIgnored() throws {
    let (router, stranger) = (try signing(key("a")), try signing(key("b")))
    let token = try #require(stranger.send()?.header(Self.name))
    _ = router.send([(Self.name, token)])
    #expect(router.count("epp_session_tokens_ignored_total", "foreign") == 1)
    // llm-d's token is none of ours.
    _ = router.send([(Self.name, "ZGVmYXVsdC9lMQ==")])
    #expect(router.count("epp_session_tokens_ignored_total", "malformed") == 1)
  }

  @Test func expiredTokensAreIgnored() throws {
    let router = try signing(key("a"))
    let token = try #require(router.send()?.header(Self.name))
    router.advance(seconds: 299)
    _ = router.send([(Self.name, token)])
    #expect(router.outcomes == [1, 1, 0])
    router.advance(seconds: 1)
    _ = router.send([(Self.name, token)])
    #expect(router.outcomes == [2, 1, 0])
    #expect(router.count("epp_session_tokens_ignored_total", "expired") == 1)
    // A restarted picker goes by the time of day.
    let later = try signing(key("a"), at: 1_800_000_300)
    _ = later.send([(Self.name, token)])
    #expect(later.count("epp_session_tokens_ignored_total", "expired") == 1)
  }

  @Test func aTokenOfAnEndpointThatLeftIsNoPreference() throws {
    let router = try signing(key("a"))
    let first = try #require(router.send())
    let token = try #require(first.header(Self.name))
    router.scheduling = Scheduling(
      PoolSnapshot(members: router.scheduling.snapshot.members.filter { $0.endpoint.name != first.endpoint }))
    #expect(router.send([(Self.name, token)])?.endpoint != first.endpoint)
    #expect(router.outcomes == [1, 0, 1])
  }

  @Test func keysAreRotatedWithoutLosingASession() throws {
    let router = try signing(key("a"))
    let first = try #require(router.send())
    let old = try #require(first.header(Self.name))
    // First the replicas learn the new key, then it signs, then the old one goes.
    try load(key("a") + "\n" + key("b"), router)
    let between = try #require(router.send([(Self.name, old)]))
    try load("# new\n\n" + key("b") + "\r\n" + key("a") + "\n", router)
    let newer = try #require(between.header(Self.name))
    let renewed = try #require(router.send([(Self.name, newer)]))
    try load(key("b"), router)
    let newest = try #require(renewed.header(Self.name))
    let last = try #require(router.send([(Self.name, newest)]))
    #expect([between, renewed, last].allSatisfy { $0.endpoint == first.endpoint })
    #expect(router.outcomes == [1, 3, 0])
    _ = router.send([(Self.name, old)])
    #expect(router.count("epp_session_tokens_ignored_total", "foreign") == 1)
  }

  @Test func withoutKeysThereAreNoTokens() throws {
    let router = SessionRouter(
      filters: [.pin("signed_token") { $0[SessionParameters.keyFile] = Self.path }], scorers: [.queue],
      endpoints: endpoints(2))
    #expect(router.send()?.headers == [])
    // A ring outlives the plugins, so that a reload does not wait for the file.
    try load(key("a"), router)
    router.reload(filters: [.pin("signed_token") { $0[SessionParameters.keyFile] = Self.path }])
    #expect(router.send()?.header(Self.name) != nil)
  }

  @Test func keyFilesAreChecked() {
    #expect(throws: SessionKeyProblem.none) { try SessionSigningKey.keys(in: "\n# nothing\n") }
    #expect(throws: SessionKeyProblem.tooShort(line: 3)) {
      try SessionSigningKey.keys(in: "# one\n\(key("a"))\nshort\n")
    }
    let many = (0..<17).map { key(Character(UnicodeScalar(UInt8(97 + $0)))) }.joined(separator: "\n")
    #expect(throws: SessionKeyProblem.tooMany) { try SessionSigningKey.keys(in: many) }
    for problem in [SessionKeyProblem.none, .tooShort(line: 3), .tooMany] { #expect(!"\(problem)".isEmpty) }
  }
}
