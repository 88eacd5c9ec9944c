/// What routing needs of a request body, parsed.
package struct InferenceRequest: Sendable {
  /// The API of the request, determined by its path.
  package var api: InferenceAPI
  /// The model that the client named; empty for a passthrough request.
  package var model: String
  /// The model that the engine is asked for: the client's, unless a rewrite names another.
  package var targetModel: String
  /// The byte range of the model's JSON string in the body, quotes included; a rewrite replaces it. Nil when the body names no
  /// model.
  package var modelRange: Range<Int>?
  /// vLLM's `cache_salt`: requests with different salts share no cache entries.
  package var cacheSalt: String?
  /// Prompt tokens: exact when the request carries token ids, else bytes of prompt text / 4.
  package var promptTokens: Int
  /// Bytes of the body.
  package var bodyBytes: Int
  /// Whether vLLM computes the whole prompt anew and ignores its prefix cache.
  package var readsNoCache: Bool
  /// Whether the prompt has images, audio or video.
  package var hasMedia: Bool
  /// The images, sounds and films of the prompt's messages, each once.
  package var media: [MediaItem] = []
  /// Completions that the client asks for per prompt (`n`).
  package var choices: Int
  /// A hash of the names of the body's members in their order. Seeded per process. Requests of one client program mostly have
  /// equal ones.
  package var memberNames: Int

  package init(
    api: InferenceAPI, model: String = "", targetModel: String? = nil, modelRange: Range<Int>? = nil,
    cacheSalt: String? = nil, promptTokens: Int = 0,
    bodyBytes: Int = 0, readsNoCache: Bool = false, hasMedia: Bool = false, choices: Int = 1, memberNames: Int = 0
  ) {
    self.api = api
    self.model = model
    self.targetModel = targetModel ?? model
    self.modelRange = modelRange
    self.cacheSalt = cacheSalt
    self.promptTokens = promptTokens
    self.bodyBytes = bodyBytes
    self.readsNoCache = readsNoCache
    self.hasMedia = hasMedia
    self.choices = choices
    self.memberNames = memberNames
  }

  /// Takes the media of the request's prompt over.
  package mutating func noteMedia(of prompt: borrowing CanonicalPrompt) {
    hasMedia = prompt.hasMedia
    guard !prompt.media.isEmpty else { return }
    var seen: Set<MediaItem> = []
    media = prompt.media.filter { seen.insert($0).inserted }
  }
}
