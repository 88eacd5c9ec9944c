/// The tokens of a text or of a chat: vLLM's `/tokenize`.
struct TokenizeAnswer: Sendable {
  let json: String

  /// - Parameter contextTokens: the longest sequence that the engine serves.
  init(_ body: JSONNode, contextTokens: Int) throws(APIError) {
    let tokens: [UInt32]
    if body["messages"] != nil {
      tokens = try PromptReader.chat(body)
    } else if let text = body["prompt"]?.text {
      tokens = Tokenizer.trained.encode(text)
    } else {
      throw .validation("missing", location: "body.prompt", message: "Field required")
    }
    var names = "null"
    if body["return_token_strs"]?.boolean == true {
      names = "[\(tokens.map { JSONString.quoted(Tokenizer.trained.name(of: $0)) }.joined(separator: ","))]"
    }
    json = """
      {"count":\(tokens.count),"max_model_len":\(contextTokens),"tokens":\(JSONString.list(tokens)),"token_strs":\(names)}
      """
  }
}
