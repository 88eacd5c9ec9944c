import EPPCore
import EPPRequests
import Testing

@Suite struct RequestPathTests {
  @Test(
    arguments: [
      ("/v1/chat/completions", .chatCompletions), ("/v1/completions", .completions), ("/v1/embeddings", .embeddings),
      ("/v1/responses", .responses), ("/v1/conversations", .conversations),
      ("/v1/images/generations", .imageGenerations),
      ("/v1/messages", .messages), ("/v1/messages/count_tokens", .messagesCountTokens),
      ("/v1/chat/completions/render", .chatCompletions), ("/v1/completions/render", .completions),
      ("/tenant/a/v1/chat/completions", .chatCompletions), ("chat/completions", .chatCompletions),
      ("/v1/chat/completions?a=/v1/messages", .chatCompletions), ("/v1/chat/completions/", .chatCompletions),
      ("/v1/chat/completions//?x", .chatCompletions), ("/v1/messages#x", .messages), ("/v1/models", .passthrough),
      ("/", .passthrough), ("", .passthrough), ("?", .passthrough), ("/v1/mycompletions", .passthrough),
      ("/v1/Completions", .passthrough), ("/v1/responses/resp_1", .passthrough),
      ("/v1/audio/transcriptions", .passthrough),
      ("/vllm.grpc.engine.VllmEngine/Generate", .vllmGRPCGenerate),
      ("/vllm.grpc.engine.VllmEngine/Embed", .vllmGRPCEmbed), ("/vllm.grpc.engine.VllmEngine/Abort", .passthrough),
      ("/v1/images/edits", .passthrough), ("/v1/é/completions", .completions),
    ] as [(String, InferenceAPI)])
  func apiFollowsThePath(_ path: String, _ api: InferenceAPI) {
    #expect(RequestPath.api(of: path) == api)
  }

  @Test func pathHeadersAreTakenInOrder() {
    var headers = RequestHeaders()
    #expect(RequestPath.path(of: headers) == "/v1/completions")
    headers.append(name: "x-forwarded-path", value: "/forwarded")
    #expect(RequestPath.path(of: headers) == "/forwarded")
    headers.append(name: "x-original-path", value: "/original")
    #expect(RequestPath.path(of: headers) == "/original")
    headers.append(name: ":path", value: "/own")
    #expect(RequestPath.path(of: headers) == "/own")
  }
}
