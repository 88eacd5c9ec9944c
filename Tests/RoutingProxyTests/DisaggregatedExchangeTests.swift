import EPPCore
import NIOCore
import NIOEmbedded
import RoutingProxy
import Testing

/// Whole requests through the proxy whose prompt another engine computes.
@Suite struct DisaggregatedExchangeTests {
  private static let body = #"{"model":"m","prompt":"hello","max_tokens":9}"#

  private static func post(_ body: String, target: String = "10.0.0.7:8000", path: String = "/v1/completions") -> String
  {
    "POST \(path) HTTP/1.1\r\nHost: pod\r\nx-prefiller-host-port: \(target)\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
  }

  private static func ok(_ body: String, type: String = "application/json") -> String {
    "HTTP/1.1 200 OK\r\ncontent-type: \(type)\r\ncontent-length: \(body.utf8.count)\r\n\r\n\(body)"
  }

  private static func body(of message: String) -> String {
    message.split(separator: "\r\n\r\n", maxSplits: 1).last.map(String.init) ?? ""
  }

  private static let prefillAnswer =
    #"{"kv_transfer_params":{"remote_host":"10.0.0.7"},"usage":{"prompt_tokens":5,"prompt_tokens_details":{"cached_tokens":3}}}"#

  // MARK: - In order

  @Test func thePromptIsComputedThereAndTheAnswerHere() throws {
    let parts = try ProxyParts()
    try parts.send(Self.post(Self.body))
    let prefill = try parts.request(0)
    #expect(parts.origins == [EngineOrigin(.prefiller, .init(host: "10.0.0.7", port: 8000))])
    #expect(prefill.hasPrefix("POST /v1/completions HTTP/1.1\r\nHost: pod\r\n"))
    #expect(!prefill.contains("x-prefiller-host-port"))
    #expect(
      Self.body(of: prefill)
        == #"{"model":"m","prompt":"hello","max_tokens":1,"stream":false,"kv_transfer_params":{"do_remote_decode":true,"do_remote_prefill":false,"remote_engine_id":null,"remote_block_ids":null,"remote_host":null,"remote_port":null}}"#
    )
    try parts.reply(Self.ok(Self.prefillAnswer), 0)
    let decode = try parts.request(1)
    #expect(parts.origins.last == EngineOrigin(.decoder, .init(host: "127.0.0.1", port: 8200)))
    #expect(
      Self.body(of: decode)
        == #"{"model":"m","prompt":"hello","max_tokens":9,"kv_transfer_params":{"remote_host":"10.0.0.7"}}"#)
    #expect(Self.header("x-request-id", prefill) == Self.header("x-request-id", decode))
    #expect(Self.header("x-request-id", decode)?.count == 36)
    #expect(try parts.answer() == "")
    try parts.reply(
      Self.ok(#"{"choices":[],"usage":{"prompt_tokens":5,"prompt_tokens_details":{"cached_tokens":5}}}"#), 1)
    #expect(
      try parts.answer()
        == Self.ok(#"{"choices":[],"usage":{"prompt_tokens":5,"prompt_tokens_details":{"cached_tokens":3}}}"#))
    #expect(parts.metric(#"llm_d_disagg_sidecar_disagg_requests_total{connector="nixlv2"}"#) == "1")
    #expect(parts.metric(#"llm_d_disagg_sidecar_requests_total{api_type="completions"}"#) == "1")
    #expect(parts.metric(#"llm_d_disagg_sidecar_prefill_duration_seconds_count{connector="nixlv2"}"#) == "1")
    #expect(parts.metric("routing_sidecar_requests_in_flight") == "0")
    // Both connections wait for the next request.
    try parts.send(Self.post(Self.body))
    #expect(parts.engines.count == 2)
  }

  private static func header(_ name: String, _ message: String) -> String? {
    message.split(separator: "\r\n").first { $0.lowercased().hasPrefix(name + ":") }.map {
      String($0.dropFirst(name.count + 2))
    }
  }

  @Test func anEventStreamPassesAsItComes() throws {
    let parts = try ProxyParts()
    try parts.send(Self.post(#"{"prompt":"hello","stream":true}"#))
    try parts.reply(Self.ok(Self.prefillAnswer), 0)
    _ = try parts.request(1)
    try parts.reply("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n", 1)
    let first = "data: {\"choices\":[{\"text\":\"a\"}]}\n\n"
    try parts.reply("\(String(first.utf8.count, radix: 16))\r\n\(first)\r\n", 1)
    #expect(try parts.answer().hasSuffix("\r\n\r\n\(String(first.utf8.count, radix: 16))\r\n\(first)\r\n"))
    let last = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":5}}\n\ndata: [DONE]\n\n"
    try parts.reply("\(String(last.utf8.count, radix: 16))\r\n\(last)\r\n0\r\n\r\n", 1)
    #expect(
      try parts.answer().contains(
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"prompt_tokens_details\":{\"cached_tokens\":3}}}\n\ndata: [DONE]\n\n"
      ))
  }

  @Test func aBodyInPiecesIsCollected() throws {
    let parts = try ProxyParts()
    for byte in Self.post(Self.body).utf8 { try parts.send(String(UnicodeScalar(byte))) }
    #expect(try Self.body(of: parts.request(0)).contains(#""prompt":"hello","max_tokens":1"#))
  }

  @Test func otherPathsAndMethodsAreForwarded() throws {
    let parts = try ProxyParts()
    try parts.send(Self.post("{}", path: "/v1/embeddings"))
    #expect(parts.origins == [EngineOrigin(.decoder, .init(host: "127.0.0.1", port: 8200))])
    #expect(try !parts.request().contains("x-prefiller-host-port"))
  }

  // MARK: - Targets

  @Test(arguments: [
    "169.254.169.254:80", "127.0.0.1:8000", "10.0.0.7:22", "2130706433:8000", "0x7f000001:8000", "[::1]:8000",
    "[::ffff:127.0.0.1]:8000", "8.8.8.8:8000", "localhost:8000", "10.0.0.7", "10.0.0.7:8000@evil:80",
    "unknown.test:8000",
  ])
  func targetsThatAreNotAllowedAreRefused(_ target: String) throws {
    let parts = try ProxyParts()
    try parts.send(Self.post(Self.body, target: target))
    // A name is looked up on another thread.
    if target == "localhost:8000" || target == "unknown.test:8000" { return }
    let answer = try parts.answer()
    #expect(answer.hasPrefix("HTTP/1.1 403 Forbidden\r\n"))
    #expect(answer.contains("Forbidden: prefill target not allowed by SSRF protection"))
    #expect(parts.engines.isEmpty)
  }

  @Test func theFirstOfSeveralTargetsIsTaken() throws {
    let parts = try ProxyParts()
    try parts.send(Self.post(Self.body, target: " , 10.0.0.8:8000 ,10.0.0.9:8000"))
    #expect(parts.origins.map(\.address.host) == ["10.0.0.8"])
  }

  // MARK: - Failures

  @Test func withoutAPrefillTheDecodeEngineComputesThePrompt() throws {
    for failure in 0..<4 {
      let parts = try ProxyParts { $0.disaggregation.prefillTimeout = .seconds(30) }
      if failure == 0 { parts.refusing = [.prefiller] }
      try parts.send(Self.post(Self.body))
      switch failure {
      case 1: try parts.reply("HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n", 0)
      case 2: try parts.engines[0].close().wait()
      case 3: parts.loop.advanceTime(by: .seconds(31))
      default: break
      }
      let decode = parts.engines.count - 1
      #expect(parts.origins[decode].role == .decoder)
      #expect(try Self.body(of: parts.request(decode)) == Self.body)
      try parts.reply(Self.ok(#"{"usage":{}}"#), decode)
      #expect(try parts.answer() == Self.ok(#"{"usage":{}}"#))
      #expect(parts.metric(#"routing_sidecar_prefill_fallbacks_total{connector="nixlv2"}"#) == "1")
      #expect(
        parts.metric(#"llm_d_disagg_sidecar_request_errors_total{connector="nixlv2",stage="prefill"}"#) == "1")
    }
  }

  @Test func theClientGetsThePrefillsErrorWhereThatIsChosen() throws {
    let parts = try ProxyParts { $0.disaggregation.failure = .error }
    try parts.send(Self.post(Self.body))
    try parts.reply("HTTP/1.1 429 Too Many Requests\r\nx-why: busy\r\ncontent-length: 4\r\n\r\nfull", 0)
    #expect(try parts.answer() == "HTTP/1.1 429 Too Many Requests\r\nx-why: busy\r\ncontent-length: 4\r\n\r\nfull")
    parts.refusing = [.prefiller]
    try parts.engines[0].close().wait()
    try parts.send(Self.post(Self.body))
    #expect(try parts.answer().hasPrefix("HTTP/1.1 502 Bad Gateway\r\n"))
    #expect(parts.origins.allSatisfy { $0.role == .prefiller })
  }

  @Test func aPrefillThatFailsForAMomentIsTriedAgain() throws {
    let parts = try ProxyParts { $0.disaggregation.retries = .init(maximum: 1, backoff: .milliseconds(200)) }
    try parts.send(Self.post(Self.body))
    _ = try parts.request(0)
    try parts.reply("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n", 0)
    #expect(try parts.request(0) == "")
    parts.loop.advanceTime(by: .milliseconds(200))
    #expect(try parts.request(0).hasPrefix("POST /v1/completions"))
    try parts.reply(Self.ok(Self.prefillAnswer), 0)
    #expect(parts.origins.last?.role == .decoder)
  }

  @Test func aDecodeEngineThatIsGoneIsAnError() throws {
    let parts = try ProxyParts()
    parts.refusing = [.decoder]
    try parts.send(Self.post(Self.body))
    try parts.reply(Self.ok(Self.prefillAnswer), 0)
    #expect(try parts.answer().hasPrefix("HTTP/1.1 503 Service Unavailable\r\n"))
    let broken = try ProxyParts()
    try broken.send(Self.post(Self.body))
    try broken.reply(Self.ok(Self.prefillAnswer), 0)
    try broken.reply("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: {}\n\n", 1)
    _ = try broken.answer()
    try broken.engines[1].close().wait()
    #expect(broken.metric(#"llm_d_disagg_sidecar_request_errors_total{connector="nixlv2",stage="decode"}"#) != nil)
  }

  @Test func aClientThatIsGoneTakesBothRequestsAlong() throws {
    for isDecoding in [false, true] {
      let parts = try ProxyParts()
      try parts.send(Self.post(Self.body))
      if isDecoding { try parts.reply(Self.ok(Self.prefillAnswer), 0) }
      try parts.client.close().wait()
      #expect(!parts.engines[isDecoding ? 1 : 0].isActive)
      #expect(parts.metric("routing_sidecar_requests_in_flight") == "0")
    }
  }

  @Test func whatIsNoObjectIsRefused() throws {
    let parts = try ProxyParts()
    try parts.send(Self.post("[1]"))
    #expect(try parts.answer().contains("the request body is no JSON object"))
    #expect(parts.engines.isEmpty)
  }

  @Test func bodiesTogetherAreBounded() throws {
    let parts = try ProxyParts(buffers: 300)
    try parts.send(Self.post(#"{"prompt":"\#(String(repeating: "a", count: 200))"}"#))
    #expect(try parts.answer().hasPrefix("HTTP/1.1 503 "))
    // What was taken is given back.
    try parts.send(Self.post(Self.body))
    #expect(parts.origins.map(\.role) == [.prefiller])
  }

  // MARK: - Other orders

  @Test func sglangAsksBothAtOnce() throws {
    let parts = try ProxyParts { $0.disaggregation.connector = .sglang }
    try parts.send(Self.post(Self.body))
    #expect(parts.origins.map(\.role) == [.prefiller, .decoder])
    let (prefill, decode) = (Self.body(of: try parts.request(0)), Self.body(of: try parts.request(1)))
    #expect(prefill == decode)
    #expect(prefill.contains(#""bootstrap_host":"10.0.0.7","bootstrap_port":8998,"bootstrap_room":"#))
    try parts.reply(Self.ok("{}"), 1)
    #expect(try parts.answer() == Self.ok("{}"))
    // The prefill ends by itself.
    #expect(parts.engines[0].isActive)
    try parts.reply(Self.ok("{}"), 0)
    try parts.send(Self.post(Self.body))
    #expect(parts.engines.count == 2)
  }

  /// A decode engine of SGLang computes no prompts, so the client gets the prefill engine's error.
  @Test func aFailedPrefillBesideADecodeEndsBoth() throws {
    let parts = try ProxyParts { $0.disaggregation.connector = .sglang }
    try parts.send(Self.post(Self.body))
    try parts.reply("HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n", 0)
    #expect(!parts.engines[1].isActive)
    #expect(parts.engines.count == 2)
    #expect(try parts.answer() == "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n")
  }

  @Test func aFailedPrefillBesideADecodeHasItAskedAgain() throws {
    let parts = try ProxyParts { $0.disaggregation.connector = .mooncake }
    try parts.send(Self.post(Self.body))
    try parts.reply(Self.ok(#"{"0":{"engine_id":"e-1"}}"#), 0)
    try parts.reply("HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n", 1)
    let last = parts.engines.count - 1
    #expect(parts.origins[last].role == .decoder && last > 1)
    #expect(try Self.body(of: parts.request(last)) == Self.body)
    try parts.reply(Self.ok("{}"), last)
    #expect(try parts.answer() == Self.ok("{}"))
  }

  @Test func mooncakeAsksForTheEngineFirst() throws {
    let parts = try ProxyParts { $0.disaggregation.connector = .mooncake }
    try parts.send(Self.post(Self.body))
    #expect(parts.origins.map { "\($0.address)" } == ["10.0.0.7:8998"])
    #expect(try parts.request(0).hasPrefix("GET /query HTTP/1.1\r\n"))
    try parts.reply(Self.ok(#"{"0":{"engine_id":"e-1"}}"#), 0)
    #expect(parts.origins.map(\.role) == [.prefiller, .prefiller, .decoder])
    #expect(try parts.request(2).contains(#""remote_engine_id":"e-1""#))
    let silent = try ProxyParts { $0.disaggregation.connector = .mooncake }
    try silent.send(Self.post(Self.body))
    silent.loop.advanceTime(by: .seconds(5))
    #expect(silent.origins.map(\.role) == [.prefiller, .decoder])
  }

  @Test func sharedStorageAsksTheDecodeEngineFirst() throws {
    let body = #"{"prompt":"hello","cache_hit_threshold":0.8}"#
    let held = try ProxyParts { $0.disaggregation.connector = .sharedStorage }
    try held.send(Self.post(body))
    #expect(try Self.body(of: held.request(0)) == body)
    try held.reply(Self.ok(#"{"choices":[{"finish_reason":"stop"}]}"#), 0)
    #expect(try held.answer() == Self.ok(#"{"choices":[{"finish_reason":"stop"}]}"#))
    let missing = try ProxyParts { $0.disaggregation.connector = .sharedStorage }
    try missing.send(Self.post(body))
    _ = try missing.request(0)
    try missing.reply(Self.ok(#"{"choices":[{"finish_reason":"cache_threshold"}]}"#), 0)
    #expect(missing.origins.map(\.role) == [.decoder, .prefiller])
    #expect(try missing.request(1).contains(#""cache_hit_threshold":0"#))
    try missing.reply(Self.ok("{}"), 1)
    #expect(try missing.request(0).contains(#""cache_hit_threshold":0"#))
    try missing.reply(Self.ok("{}"), 0)
    #expect(try missing.answer().hasPrefix("HTTP/1.1 200 OK\r\n"))
  }

  @Test func aStreamIsHeldUntilItsFirstToken() throws {
    let parts = try ProxyParts { $0.disaggregation.connector = .sharedStorage }
    try parts.send(Self.post(#"{"cache_hit_threshold":0.8}"#, path: "/v1/chat/completions"))
    try parts.reply("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
    let role = "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}\n\n"
    try parts.reply("\(String(role.utf8.count, radix: 16))\r\n\(role)\r\n")
    #expect(try parts.answer() == "")
    let token = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":null}]}\n\n"
    try parts.reply("\(String(token.utf8.count, radix: 16))\r\n\(token)\r\n")
    let answer = try parts.answer()
    #expect(answer.contains(role + token))
    try parts.reply("0\r\n\r\n")
    #expect(try parts.answer() == "0\r\n\r\n")
  }

  @Test func aPromptThatAPrefillEngineHadIsNotSentAgain() throws {
    let parts = try ProxyParts()
    try parts.send(Self.post(Self.body))
    try parts.reply(Self.ok(Self.prefillAnswer), 0)
    try parts.reply(Self.ok("{}"), 1)
    _ = try parts.answer()
    // Closed at once, the engine has not seen it; after that it is the engine's own failure.
    try parts.send(Self.post(Self.body))
    try parts.engines[0].close().wait()
    #expect(parts.origins.map(\.role) == [.prefiller, .decoder, .prefiller])
    try parts.reply(Self.ok(Self.prefillAnswer), 2)
    try parts.reply(Self.ok("{}"), 1)
    _ = try parts.answer()
    try parts.send(Self.post(Self.body))
    parts.loop.advanceTime(by: .milliseconds(201))
    try parts.engines[2].close().wait()
    #expect(parts.origins.map(\.role) == [.prefiller, .decoder, .prefiller])
    #expect(parts.metric(#"routing_sidecar_prefill_fallbacks_total{connector="nixlv2"}"#) == "1")
  }

  // MARK: - Media

  @Test func anAlbumThatIsTooLargeIsRefused() throws {
    let parts = try ProxyParts(buffers: 4 << 20) { $0.disaggregation.encodeConnector = .nixl }
    let item = #"{"type":"image_url"}"#
    let body =
      #"{"messages":[{"role":"user","content":["#
      + Array(repeating: item, count: EncodeStage.maximumItems + 1).joined(separator: ",") + "]}]}"
    try parts.send(
      "POST /v1/chat/completions HTTP/1.1\r\nHost: pod\r\nx-encoder-hosts-ports: 10.0.0.5:8000\r\n"
        + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
    #expect(try parts.answer().hasPrefix("HTTP/1.1 400 "))
    #expect(parts.engines.isEmpty)
  }

  private static let picture =
    #"{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"http://a/1.png"}}]}]}"#

  private static func withEncoders(_ names: String, prefiller: String? = nil) -> String {
    "POST /v1/chat/completions HTTP/1.1\r\nHost: pod\r\nx-encoder-hosts-ports: \(names)\r\n"
      + (prefiller.map { "x-prefiller-host-port: \($0)\r\n" } ?? "")
      + "Content-Length: \(picture.utf8.count)\r\n\r\n\(picture)"
  }

  @Test func mediaAreEncodedBeforeThePromptIsComputed() throws {
    let parts = try ProxyParts { $0.disaggregation.encodeConnector = .nixl }
    try parts.send(Self.withEncoders("127.0.0.1:8000,10.0.0.5:8000", prefiller: "10.0.0.7:8000"))
    // The first one is not allowed, and left out.
    #expect(parts.origins == [EngineOrigin(.encoder, .init(host: "10.0.0.5", port: 8000))])
    let encode = try parts.request(0)
    #expect(Self.body(of: encode).contains(#""max_tokens":1"#) && !encode.contains("x-encoder-hosts-ports"))
    #expect(Self.header("x-request-id", encode)?.hasSuffix("-enc-0") == true)
    try parts.reply(Self.ok(#"{"ec_transfer_params":{"h":1}}"#), 0)
    #expect(parts.origins.map(\.role) == [.encoder, .prefiller])
    #expect(try parts.request(1).contains(#""ec_transfer_params":{"h":1}"#))
    try parts.reply(Self.ok("{}"), 1)
    #expect(try parts.request(2).contains(#""ec_transfer_params":{"h":1}"#))
    #expect(parts.metric(#"llm_d_disagg_sidecar_encode_duration_seconds_count{connector="ec-nixl"}"#) == "1")
  }

  @Test func withoutAPrefillEngineTheDecodeEngineGetsThem() throws {
    let parts = try ProxyParts { $0.disaggregation.encodeConnector = .nixl }
    try parts.send(Self.withEncoders("10.0.0.5:8000"))
    try parts.reply("HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n", 0)
    #expect(parts.origins.map(\.role) == [.encoder, .decoder])
    #expect(try Self.body(of: parts.request(1)) == Self.picture)
    #expect(parts.metric(#"llm_d_disagg_sidecar_request_errors_total{connector="ec-nixl",stage="encode"}"#) == "1")
    let strict = try ProxyParts {
      $0.disaggregation.encodeConnector = .nixl
      $0.disaggregation.failure = .error
    }
    try strict.send(Self.withEncoders("10.0.0.5:8000"))
    try strict.reply("HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n", 0)
    #expect(try strict.answer().hasPrefix("HTTP/1.1 502 "))
  }

  @Test func aClientThatIsGoneTakesEncodeRequestsAlong() throws {
    let parts = try ProxyParts { $0.disaggregation.encodeConnector = .nixl }
    try parts.send(Self.withEncoders("10.0.0.5:8000"))
    try parts.client.close().wait()
    #expect(!parts.engines[0].isActive)
  }
}
