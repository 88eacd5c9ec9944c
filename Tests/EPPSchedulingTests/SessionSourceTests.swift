import EPPCore
import EPPScheduling
import EPPTestKit
import Testing

@Suite struct SessionSourceTests {
  private func headers(_ fields: [(String, String)]) -> RequestHeaders {
    RequestHeaders(fields.map { .init(name: $0.0, value: $0.1) })
  }

  private func cookie(_ name: String, _ fields: String...) -> String? {
    SessionIDSource.cookie(name).value(in: headers(fields.map { ("cookie", $0) })).map(String.init)
  }

  // MARK: Cookies

  @Test(
    arguments: [
      ("sid=abc", "abc"), ("a=1; sid=abc; b=2", "abc"), ("a=1;sid=abc", "abc"), ("a=1;   sid = abc ;", "abc"),
      ("sid=\"abc\"", "abc"), ("sid=\"\"; sid=late", "late"), ("sid=", nil), ("sid", nil), ("", nil), (";;;=;", nil),
      ("xsid=abc; sidx=abc", nil), ("SID=abc", nil), ("sid=a=b==", "a=b=="), ("sid=first; sid=second", "first"),
      ("sid=\"", "\""), ("sid=\"half", "\"half"), ("a=\"x; sid=abc\"", "abc\""), ("\tsid=\tabc\t", "abc"),
      ("sid=äöü; b=1", "äöü"), ("ä=1; sid=\u{FFFD}\u{0}\u{7F}", "\u{FFFD}\u{0}\u{7F}"), ("sid=a,b c", "a,b c"),
      ("sid=🍪", "🍪"), ("=abc", nil),
    ] as [(String, String?)])
  func cookiesAreReadAsClientsSendThem(header: String, value: String?) {
    #expect(cookie("sid", header) == value)
  }

  @Test func cookiesMayBeSpreadOverHeaders() {
    #expect(cookie("sid", "a=1", "b=2; sid=x", "sid=y") == "x")
  }

  @Test func anyBytesAreReadWithoutACrash() {
    var random = SeededGenerator(seed: 7)
    let alphabet = Array("sid=;\" ,\t\\%ä\u{0}\u{FFFD}🍪".unicodeScalars)
    for _ in 0..<20_000 {
      var text = ""
      for _ in 0..<Int.random(in: 0...24, using: &random) {
        text.unicodeScalars.append(alphabet.randomElement(using: &random) ?? "s")
      }
      let value = cookie("sid", text)
      // By the definition: of the pairs between semicolons, the first of that name with a value.
      let expected = text.utf8.split(separator: 0x3B).lazy.compactMap { pair -> String? in
        guard let equals = pair.firstIndex(of: 0x3D) else { return nil }
        let blank: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x09 }
        func trim(_ part: Substring.UTF8View) -> [UInt8] {
          Array(Array(part.drop(while: blank)).reversed().drop(while: blank).reversed())
        }
        guard trim(pair[..<equals]) == Array("sid".utf8) else { return nil }
        var value = trim(pair[pair.index(after: equals)...])
        if value.count >= 2, value.first == 0x22, value.last == 0x22 { value = Array(value.dropFirst().dropLast()) }
        return value.isEmpty ? nil : String(decoding: value, as: UTF8.self)
      }.first
      #expect(value.map { Array($0.utf8) } == expected.map { Array($0.utf8) }, "\(text.debugDescription)")
    }
  }

  @Test func floodsOfHeadersAndCookiesFindTheirSession() {
    let router = SessionRouter(
      filters: [.pin("cookie") { $0[SessionParameters.cookieName] = "sid" }], scorers: [.queue], endpoints: endpoints(8)
    )
    let home = router.send([("cookie", "sid=me")])?.endpoint
    let noise = (0..<4_000).map { "c\($0)=\($0)" }.joined(separator: "; ")
    var fields = (0..<2_000).map { ("x-noise-\($0)", "v") } + (0..<50).map { _ in ("cookie", noise) }
    fields.append(("cookie", noise + "; sid=me"))
    #expect(router.send(fields)?.endpoint == home)
    // An id of a megabyte is a session as well, and takes no more memory than another.
    let long = String(repeating: "x", count: 1 << 20)
    let far = router.send([("cookie", "sid=" + long)])?.endpoint
    #expect(router.send([("cookie", "sid=" + long)])?.endpoint == far)
    #expect(router.count("epp_sessions") == 2)
  }

  // MARK: The order of sources

  @Test func theFirstSourceThatHasAnIDCounts() {
    var header = PluginArguments()
    header[SessionParameters.header] = "x-a"
    var cookie = PluginArguments()
    cookie[SessionParameters.cookie] = "sid"
    var agent = PluginArguments()
    agent[SessionParameters.attribute] = "agent-identity"
    var nested = PluginArguments()
    nested[SessionParameters.sources] = [header, cookie, agent]
    let router = SessionRouter(
      scorers: [.wish("session_id") { $0[SessionParameters.sessionID] = nested }], endpoints: endpoints(2))
    #expect(
      router.profile.headerNames == [
        "x-a", "cookie", "x-claude-code-session-id", "x-session-affinity", "session-id", "session_id",
      ])
    _ = router.send([("x-a", "1"), ("cookie", "sid=2"), ("session-id", "3")])
    _ = router.send([("cookie", "sid=1")])
    #expect(router.outcomes == [1, 1, 0])
    _ = router.send([("x-a", "  "), ("cookie", "sid=2"), ("session-id", "1")])
    #expect(router.outcomes == [2, 1, 0])
    _ = router.send([("cookie", "other=1"), ("session-id", " 2 ")])
    #expect(router.outcomes == [2, 2, 0])
    _ = router.send([("x-session-id", "1")])
    #expect(router.outcomes == [2, 2, 0])
  }

  @Test func withoutSourcesTheAgentsHeadersFollowTheSessionHeader() {
    let router = SessionRouter(scorers: [.wish("session_id")], endpoints: endpoints(2))
    for (number, name) in (["x-session-id"] + AgentIdentity.knownHeaders).enumerated() {
      _ = router.send([(name, "s\(number)"), ("x-other", "1")])
      _ = router.send([(name, "s\(number)")])
    }
    #expect(router.outcomes == [5, 5, 0])
  }

  @Test func attributesComeFromTheProducersOfTheConfiguration() {
    let byCookie = ConfiguredPlugin(
      SessionSource.descriptor, name: "by-cookie", arguments: arguments("cookieName", "Sid"))
    let byHeader = ConfiguredPlugin(SessionSource.descriptor, arguments: arguments("headerName", "x-chat"))
    let agents = ConfiguredPlugin(AgentIdentity.descriptor, arguments: arguments(["x-bot"]))
    func kept(_ plugins: [ConfiguredPlugin], _ attribute: String?, _ producer: String? = nil) -> [String] {
      let wish = ConfiguredPlugin.wish("session_id") {
        guard let attribute else { return }
        var source = PluginArguments()
        source[SessionParameters.attribute] = attribute
        source[SessionParameters.producer] = producer
        $0[SessionParameters.sources] = [source]
      }
      return SessionRouter(
        scorers: [wish], endpoints: endpoints(1),
        sessions: SessionEnvironment(attributes: SessionAttributes(plugins))
      ).profile.headerNames
    }
    let plugins = [byCookie, byHeader, agents]
    #expect(kept(plugins, "SessionIDDataKey") == ["cookie"])
    #expect(kept(plugins, "SessionIDDataKey", "session-id-producer") == ["x-chat"])
    #expect(kept(plugins, "SessionIDDataKey", "nobody") == [])
    #expect(kept(plugins, "agent-identity") == ["x-bot"] + AgentIdentity.knownHeaders)
    #expect(kept([], "agent-identity") == AgentIdentity.knownHeaders)
    #expect(kept([], "SessionIDDataKey") == [])
    #expect(kept(plugins, nil) == ["cookie"] + AgentIdentity.knownHeaders)
    #expect(kept([], nil) == ["x-session-id"] + AgentIdentity.knownHeaders)
  }

  private func arguments(_ key: String, _ value: String) -> PluginArguments {
    var arguments = PluginArguments()
    arguments.set(key, .text(value))
    return arguments
  }

  private func arguments(_ names: [String]) -> PluginArguments {
    var arguments = PluginArguments()
    arguments.set("additionalSessionHeaders", .texts(names))
    return arguments
  }

  @Test func anAgentsSessionIsItsFairnessID() {
    let identity = AgentIdentity(additionalHeaders: ["x-bot"])
    #expect(identity.fairnessID(of: headers([])) == nil)
    #expect(identity.fairnessID(of: headers([("session_id", "old"), ("session-id", "new")])) == "new")
    #expect(identity.fairnessID(of: headers([("x-session-affinity", "open"), ("x-bot", "mine")])) == "mine")
    #expect(
      identity.fairnessID(of: headers([("x-claude-code-session-id", ""), ("x-session-affinity", "open")])) == "open")
    #expect(
      identity.fairnessID(of: headers([("x-bot", "mine"), ("x-gateway-inference-fairness-id", "tenant")])) == "tenant")
    #expect(identity.session(of: headers([("x-llm-d-inference-fairness-id", "tenant")])) == nil)
  }

  // MARK: Cookies of answers

  @Test func aClientWithoutACookieGetsOneAndComesBackWithIt() throws {
    let pin = ConfiguredPlugin.pin("cookie")
    let router = SessionRouter(filters: [pin], scorers: [.queue], endpoints: endpoints(8))
    // A replica, and the same picker after a restart.
    let other = SessionRouter(filters: [pin], scorers: [.queue], endpoints: endpoints(8))
    var ids: Set<String> = []
    for number in 0..<200 {
      let first = try #require(router.send(id: "request-\(number)"))
      let set = try #require(first.header("set-cookie"))
      #expect(set.hasPrefix("epp-session=") && set.hasSuffix("; Path=/; HttpOnly; SameSite=Lax"))
      let cookie = try #require(first.cookies)
      ids.insert(cookie)
      for picker in [router, other] {
        let next = try #require(picker.send([("cookie", "theme=dark; \(cookie)")]))
        #expect(next.endpoint == first.endpoint)
        // It has one already.
        #expect(next.header("set-cookie") == nil)
      }
    }
    #expect(ids.count == 200)
    #expect(ids.allSatisfy { $0.utf8.count == "epp-session=".utf8.count + 32 })
    #expect(router.outcomes == [200, 200, 0])
  }

  @Test func idsOfSessionsCannotBeForeseen() throws {
    let (one, two) = (
      SessionRouter(filters: [.pin("cookie")], scorers: [.queue], endpoints: endpoints(2)),
      SessionRouter(filters: [.pin("cookie")], scorers: [.queue], endpoints: endpoints(2))
    )
    let first = try #require(one.send(from: "10.0.0.1", id: "r")?.cookies)
    #expect(one.send(from: "10.0.0.2", id: "r")?.cookies != first)
    #expect(two.send(from: "10.0.0.1", id: "r")?.cookies != first)
  }

  @Test func withTheWishACookieIsSetAndTheLoadDecides() throws {
    let router = SessionRouter(
      scorers: [.wish("cookie") { $0[SessionParameters.cookieName] = "me" }, .queue],
      endpoints: (0..<4).map { Candidate(name: "e\($0)", waiting: $0 == 2 ? 0 : 5) })
    for number in 0..<20 {
      let first = try #require(router.send(id: "\(number)"))
      #expect(first.endpoint == "e2")
      #expect(first.cookies?.hasPrefix("me=") == true)
    }
  }
}
