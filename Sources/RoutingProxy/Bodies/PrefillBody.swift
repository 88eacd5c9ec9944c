import EPPCore
import EPPRequests

extension JSONObjectEdit {
  /// Makes of a request one that computes the prompt and answers at once: one token, not streamed. The lower limit of tokens goes,
  /// because engines refuse one above the upper limit.
  ///
  /// - Throws: When `sampling_params` is no object.
  mutating func limitToPrompt(_ api: InferenceAPI, _ body: RawSpan) throws(JSONError) {
    if api == .generate {
      // Its limits stand in an object of their own.
      var parameters = JSONObjectEdit()
      if let range = value("sampling_params") { parameters = try JSONObjectEdit(body, in: range) }
      parameters.set("max_tokens", 1)
      parameters.remove("min_tokens")
      set("sampling_params", parameters, body)
    } else {
      for name in Self.tokenLimits(api) { set(name, 1) }
      remove("min_tokens")
      // Nobody asks for this answer again.
      if api == .responses { set("store", false) }
      // One answer computes the prompt, and its blocks are the only ones that are named.
      if contains("n") { set("n", 1) }
    }
    set("stream", false)
    remove("stream_options")
  }

  /// The members that limit the tokens of an answer. A chat has two, of which engines prefer the newer one; the other APIs do not know
  /// it.
  private static func tokenLimits(_ api: InferenceAPI) -> [String] {
    switch api {
    case .responses: ["max_output_tokens"]
    case .chatCompletions: ["max_tokens", "max_completion_tokens"]
    default: ["max_tokens"]
    }
  }
}
