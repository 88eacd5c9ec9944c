import EPPCore
import EPPRequests
import RoutingProxy
import Testing

/// The exact requests of each connector to both engines, and what happens when one of them fails.
@Suite struct DisaggregatedRequestTests {
  private static let chat =
    #"{"model":"m","messages":[{"role":"user","content":"hi"}],"max_tokens":50,"stream":true,"stream_options":{"include_usage":true}}"#
  private static let id = "0c1d"
  private static let prefill = EndpointAddress(host: "10.0.0.7", port: 8000)
  private static let requestID = [RequestHeaders.Field(name: "x-request-id", value: id)]

  private func request(
    _ kind: KVConnectorKind, _ body: String = chat, _ api: InferenceAPI = .chatCompletions,
    retries: DisaggregatedRequest.Retries = .init(), failure: DisaggregatedRequest.PrefillFailure = .local,
    bootstrap: KVTransfer.Bootstrap? = nil
  ) throws -> DisaggregatedRequest {
    var transfer = KVTransfer(id: Self.id, prefill: Self.prefill, room: 1_234)
    transfer.bootstrap = bootstrap
    return try DisaggregatedRequest(
      Array(body.utf8), api, kind.connector(ConnectorPorts()), transfer, retries: retries, failure: failure)
  }

  private func ask(_ body: String, _ headers: [RequestHeaders.Field] = []) -> DisaggregatedRequest.Ask {
    DisaggregatedRequest.Ask(body: Array(body.utf8), headers: headers)
  }

  private func ended(_ request: inout DisaggregatedRequest, _ status: Int?, _ answer: String = "{}")
    -> [DisaggregatedRequest.Action]
  {
    let bytes = Array(answer.utf8)
    return unsafe request.prefillEnded(status: status, bytes.span.bytes)
  }

  // MARK: - Blocks of peers

  @Test(arguments: [KVConnectorKind.nixlv2, .offloading])
  func theEngineThatComputesThePromptFetchesBlocks(_ kind: KVConnectorKind) throws {
    let source = KVTransfer.Source(id: "5e1f", tier: EndpointAddress(host: "10.0.0.8", port: 7778))
    let written = #""remote_kv_source":{"kv_request_id":"5e1f","remote_host":"10.0.0.8","remote_port":7778}"#
    var transfer = KVTransfer(id: Self.id, prefill: Self.prefill)
    transfer.source = source
    var request = try DisaggregatedRequest(
      Array(Self.chat.utf8), .chatCompletions, kind.connector(ConnectorPorts()), transfer)
    guard case .askPrefill(let prefill)? = request.start().first else { return #expect(Bool(false)) }
    #expect(String(decoding: prefill.body, as: UTF8.self).hasSuffix(written + "}}"))
    // So does the decode engine that computes it instead, and the one that always does.
    let alone = ask(Self.chat.dropLast() + #","kv_transfer_params":{\#(written)}}"#)
    #expect(ended(&request, 500) == [.countFallback, .askDecode(alone, cachedTokens: nil)])
    var local = try DisaggregatedRequest(Array(Self.chat.utf8), .chatCompletions, LocalPrefill(), transfer)
    #expect(local.start() == [.askDecode(alone, cachedTokens: nil)])
  }

  @Test func theTierOfARankIsNamedByItsPort() throws {
    var ports = ConnectorPorts()
    #expect(ports.peerToPeer(of: EndpointAddress(host: "a", port: 8001)) == 7777)
    ports.ranks = 8000..<8002
    for (port, tier) in [(8000, 7777), (8001, 7778), (8002, 7777), (7999, 7777)] as [(UInt16, UInt16)] {
      #expect(ports.peerToPeer(of: EndpointAddress(host: "a", port: port)) == tier)
    }
  }

  // MARK: - Connectors

  @Test func nixlv2() throws {
    var request = try request(.nixlv2)
    let parameters =
      #"{"do_remote_decode":true,"do_remote_prefill":false,"remote_engine_id":null,"remote_block_ids":null,"remote_host":null,"remote_port":null}"#
    #expect(
      request.start() == [
        .askPrefill(
          ask(
            #"{"model":"m","messages":[{"role":"user","content":"hi"}],"max_tokens":1,"stream":false,"max_completion_tokens":1,"kv_transfer_params":\#(parameters)}"#,
            Self.requestID))
      ])
    let answer =
      #"{"id":"x","usage":{"prompt_tokens":9,"prompt_tokens_details":{"cached_tokens":4}},"kv_transfer_params":{"remote_engine_id":"e", "remote_block_ids":[1,2]}}"#
    #expect(
      ended(&request, 200, answer) == [
        .askDecode(
          ask(
            Self.chat.dropLast() + #","kv_transfer_params":{"remote_engine_id":"e", "remote_block_ids":[1,2]}}"#,
            Self.requestID),
          cachedTokens: 4)
      ])
  }

  @Test func nixlv2WithoutParametersLetsTheDecodeEngineCompute() throws {
    var request = try request(.nixlv2, #"{"prompt":"a","kv_transfer_params":{"do_remote_prefill":true}}"#, .completions)
    _ = request.start()
    #expect(
      ended(&request, 200) == [
        .askDecode(ask(#"{"prompt":"a","kv_transfer_params":null}"#, Self.requestID), cachedTokens: 0)
      ])
  }

  @Test func sglang() throws {
    var request = try request(.sglang, #"{"text":"a","stream":true}"#, .sglangGenerate)
    let both = ask(
      #"{"text":"a","stream":true,"bootstrap_host":"10.0.0.7","bootstrap_port":8998,"bootstrap_room":1234}"#)
    #expect(request.start() == [.askPrefill(both), .askDecode(both, cachedTokens: nil)])
    #expect(ended(&request, 200) == [])
  }

  @Test func mooncake() throws {
    var request = try request(.mooncake, #"{"prompt":"a","max_tokens":7}"#, .completions)
    #expect(request.start() == [.askBootstrap])
    #expect(
      request.bootstrapAnswered(KVTransfer.Bootstrap(rank: "1", engineID: "e1")) == [
        .askPrefill(
          ask(
            #"{"prompt":"a","max_tokens":1,"stream":false,"kv_transfer_params":{"do_remote_prefill":false,"do_remote_decode":true,"transfer_id":"xfer-0c1d"}}"#,
            [RequestHeaders.Field(name: "x-data-parallel-rank", value: "1")])),
        .askDecode(
          ask(
            #"{"prompt":"a","max_tokens":7,"kv_transfer_params":{"do_remote_prefill":true,"do_remote_decode":false,"transfer_id":"xfer-0c1d","remote_bootstrap_addr":"http://10.0.0.7:8998","remote_engine_id":"e1"}}"#
          ), cachedTokens: nil),
      ])
    // Known from an earlier request, the engine is not asked for again.
    var next = try self.request(.mooncake, bootstrap: KVTransfer.Bootstrap(rank: "0", engineID: "e0"))
    #expect(next.start().count == 2)
  }

  @Test(
    arguments: [
      (#"{"0":{"engine_id":"a","port":1},"1":{"x":[],"engine_id":"b"}}"#, ["0 a", "1 b"]),
      (#"{"0":{"engine_id":5},"1":7}"#, []),
      ("[]", []), ("{", []), ("", []), (#"{"0":{"engine_id":"a"}"#, []),
    ] as [(String, [String])])
  func enginesOfABootstrapServer(_ answer: String, _ engines: [String]) {
    let bytes = Array(answer.utf8)
    #expect(unsafe MooncakeConnector.engines(bytes.span.bytes).map { "\($0.rank) \($0.engineID)" } == engines)
  }

  @Test func offloading() throws {
    var request = try request(.offloading, #"{"prompt":"a"}"#, .completions)
    #expect(
      request.start() == [
        .askPrefill(
          ask(
            #"{"prompt":"a","max_tokens":1,"stream":false,"kv_transfer_params":{"remote_decoder":{"kv_request_id":"0c1d"}}}"#
          ))
      ])
    #expect(
      ended(&request, 200) == [
        .askDecode(
          ask(
            #"{"prompt":"a","kv_transfer_params":{"remote_prefiller":{"kv_request_id":"0c1d","remote_host":"10.0.0.7","remote_port":7777}}}"#
          ), cachedTokens: 0)
      ])
  }

  @Test func sharedStorage() throws {
    let body = #"{"prompt":"a","cache_hit_threshold":0.8}"#
    var request = try request(.sharedStorage, body, .completions)
    #expect(request.start() == [.tryDecode(ask(body))])
    #expect(
      request.tried(isBelowThreshold: true) == [
        .askPrefill(ask(#"{"prompt":"a","cache_hit_threshold":0,"max_tokens":1,"stream":false}"#))
      ])
    #expect(
      ended(&request, 200) == [.askDecode(ask(#"{"prompt":"a","cache_hit_threshold":0}"#), cachedTokens: 0)])
    var enough = try self.request(.sharedStorage, body, .completions)
    _ = enough.start()
    #expect(enough.tried(isBelowThreshold: false) == [.releaseDecode])
    // Without a threshold the prompt is computed first.
    var without = try self.request(.sharedStorage, #"{"prompt":"a"}"#, .completions)
    #expect(
      without.start() == [
        .askPrefill(ask(#"{"prompt":"a","max_tokens":1,"stream":false,"cache_hit_threshold":0}"#))
      ])
  }

  /// Every API has its own limits.
  @Test(
    arguments: [
      (
        .responses, #"{"max_output_tokens":9,"min_tokens":3}"#, #"{"max_output_tokens":1,"store":false,"stream":false,"#
      ),
      (.messages, #"{"max_tokens":9}"#, #"{"max_tokens":1,"stream":false,"#),
      (
        .generate, #"{"sampling_params":{"max_tokens":9,"min_tokens":4,"n":1}}"#,
        #"{"sampling_params":{"max_tokens":1,"n":1},"stream":false,"#
      ),
      (.generate, #"{"token_ids":[1]}"#, #"{"token_ids":[1],"sampling_params":{"max_tokens":1},"stream":false,"#),
      (
        .chatCompletions, #"{"max_completion_tokens":9}"#, #"{"max_completion_tokens":1,"max_tokens":1,"stream":false,"#
      ),
      (.completions, #"{"min_tokens":9}"#, #"{"max_tokens":1,"stream":false,"#),
    ] as [(InferenceAPI, String, String)])
  func aPrefillAnswersWithOneToken(_ api: InferenceAPI, _ body: String, _ expected: String) throws {
    var request = try request(.nixlv2, body, api)
    guard case .askPrefill(let ask)? = request.start().first else {
      Issue.record("no prefill")
      return
    }
    #expect(String(decoding: ask.body, as: UTF8.self).hasPrefix(expected))
  }

  @Test(arguments: [("[]", InferenceAPI.completions), ("{", .completions), (#"{"sampling_params":5}"#, .generate)])
  func aBodyThatCannotBeChangedIsAnError(_ body: String, _ api: InferenceAPI) {
    #expect(throws: JSONError.self) { try request(.nixlv2, body, api) }
  }

  // MARK: - Failures

  @Test(arguments: [500, 404, 503, nil] as [Int?]) func withoutAPrefillTheDecodeEngineComputesThePrompt(_ status: Int?)
    throws
  {
    var request = try request(.nixlv2)
    _ = request.start()
    #expect(ended(&request, status) == [.countFallback, .askDecode(ask(Self.chat), cachedTokens: nil)])
    #expect(ended(&request, status) == [])
  }

  @Test func orTheClientGetsThePrefillsAnswer() throws {
    var answered = try request(.nixlv2, failure: .error)
    _ = answered.start()
    #expect(ended(&answered, 500) == [.answerWithPrefill])
    var unreachable = try request(.nixlv2, failure: .error)
    _ = unreachable.start()
    #expect(ended(&unreachable, nil) == [.answerUnreachable])
    // A success that is no JSON is no answer for a client.
    var broken = try request(.nixlv2, failure: .error)
    _ = broken.start()
    #expect(ended(&broken, 200, "<html>") == [.answerUnreachable])
  }

  @Test func aPrefillThatFailsForAMomentIsTriedAgain() throws {
    var request = try request(.nixlv2, retries: .init(maximum: 2, backoff: .milliseconds(50)))
    let first = request.start()
    #expect(ended(&request, 503) == [.wait(.milliseconds(50))])
    #expect(ended(&request, 503) == [])
    #expect(request.waited() == first)
    #expect(ended(&request, nil) == [.wait(.milliseconds(50))])
    #expect(request.waited() == first)
    #expect(ended(&request, 502) == [.countFallback, .askDecode(ask(Self.chat), cachedTokens: nil)])
    #expect(request.waited() == [])
    // What is wrong with the request is wrong the second time too.
    var wrong = try self.request(.nixlv2, retries: .init(maximum: 2))
    _ = wrong.start()
    #expect(ended(&wrong, 400) == [.countFallback, .askDecode(ask(Self.chat), cachedTokens: nil)])
  }

  /// A decode engine that waits for blocks that will not come is given up, until the client has a part of its answer.
  @Test func aPrefillThatFailsBesideTheDecodeEngine() throws {
    var early = try request(.mooncake)
    _ = early.start()
    _ = early.bootstrapAnswered(.init(rank: "0", engineID: "e"))
    #expect(ended(&early, 500) == [.cancel(.decode), .countFallback, .askDecode(ask(Self.chat), cachedTokens: nil)])
    // SGLang's decode engines compute no prompts.
    var room = try request(.sglang)
    _ = room.start()
    #expect(ended(&room, 500) == [.cancel(.decode), .answerWithPrefill])
    var late = try request(.sglang)
    _ = late.start()
    late.decodeBegan()
    #expect(ended(&late, 500) == [])
    var strict = try request(.sglang, failure: .error)
    _ = strict.start()
    #expect(ended(&strict, nil) == [.cancel(.decode), .answerUnreachable])
  }

  @Test func withoutABootstrapServerTheDecodeEngineComputesThePrompt() throws {
    var request = try request(.mooncake)
    _ = request.start()
    #expect(request.bootstrapAnswered(nil) == [.countFallback, .askDecode(ask(Self.chat), cachedTokens: nil)])
  }

  /// A decode engine that computes the prompt itself must not ask for one that it holds.
  @Test func aThresholdIsForTheFirstAttemptAlone() throws {
    var request = try request(.sharedStorage, #"{"cache_hit_threshold":0.9,"prompt":"a"}"#)
    _ = request.start()
    _ = request.tried(isBelowThreshold: true)
    #expect(
      ended(&request, 500) == [
        .countFallback, .askDecode(ask(#"{"cache_hit_threshold":0,"prompt":"a"}"#), cachedTokens: nil),
      ])
  }

  @Test func whatRunsIsGivenUpWhenTheClientIsGone() throws {
    var prefilling = try request(.nixlv2)
    _ = prefilling.start()
    #expect(prefilling.clientGone() == [.cancel(.prefill)])
    #expect(ended(&prefilling, 200) == [])
    var decoding = try request(.nixlv2)
    _ = decoding.start()
    _ = ended(&decoding, 200)
    #expect(decoding.clientGone() == [.cancel(.decode)])
    var both = try request(.sglang)
    _ = both.start()
    #expect(both.clientGone() == [.cancel(.prefill), .cancel(.decode)])
    var done = try request(.sglang)
    _ = done.start()
    done.decodeEnded()
    #expect(done.clientGone() == [])
  }

  @Test func connectorsThatAreGoneHaveReplacements() {
    #expect(
      KVConnectorKind(rawValue: "nixl") == nil && KVConnectorKind.replacement(of: "nixl")?.contains("nixlv2") == true)
    #expect(KVConnectorKind.replacement(of: "lmcache")?.contains("shared-storage") == true)
    #expect(KVConnectorKind.replacement(of: "other") == nil)
  }
}
