/// The response of vLLM's `/tokenize`: the tokens of a text or of a chat.
struct TokenizeAnswer: Sendable {
  /// The body of the response.
  let json: String

  /// Tokenizes the text or chat of a body.
  ///
  /// - Parameter contextTokens: Tokens of the longest sequence that the engine serves.
  /// - Throws: `APIError` when the body has neither text nor chat.
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
