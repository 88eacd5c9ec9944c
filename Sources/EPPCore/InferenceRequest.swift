/// What was read out of a request: its meaning, without its bytes.
package struct InferenceRequest: Sendable {
  package var api: InferenceAPI
  /// The model that the client named; empty for a passthrough request.
  package var model: String
  /// The model that the engine is asked for: the client's, unless a rewrite names another.
  package var targetModel: String
  /// Where the JSON string of the model stands in the body, quotes included; the place of the splice when it is
  /// rewritten. Nil when the body names no model.
  package var modelRange: Range<Int>?
  /// vLLM's `cache_salt`: requests with different salts share no cache entries.
  package var cacheSalt: String?
  /// Prompt tokens: exact when the request carries token ids, else bytes of prompt text / 4.
  package var promptTokens: Int
  /// Bytes of the body.
  package var bodyBytes: Int
  /// Whether vLLM computes the whole prompt anew, whatever is in its cache.
  package var readsNoCache: Bool
  /// Answers that the client wants to the one prompt.
  package var choices: Int
  /// A hash of the names of the body's members in their order, of this process alone: requests of one client program
  /// mostly have it in common.
  package var memberNames: Int

  package init(
    api: InferenceAPI, model: String = "", targetModel: String? = nil, modelRange: Range<Int>? = nil,
    cacheSalt: String? = nil, promptTokens: Int = 0,
    bodyBytes: Int = 0, readsNoCache: Bool = false, choices: Int = 1, memberNames: Int = 0
  ) {
    self.api = api
    self.model = model
    self.targetModel = targetModel ?? model
    self.modelRange = modelRange
    self.cacheSalt = cacheSalt
    self.promptTokens = promptTokens
    self.bodyBytes = bodyBytes
    self.readsNoCache = readsNoCache
    self.choices = choices
    self.memberNames = memberNames
  }
}
