import EPPCore

/// What requests have in common whose prompts become tokens in the same way: the API, the model, and which members their
/// bodies have. What the members say does not count, for each client has tools of its own.
struct PromptKind: Hashable, Sendable {
  /// One word, for names of models of any length come from anybody.
  private let hash: Int

  init(_ request: InferenceRequest) {
    var hasher = Hasher()
    hasher.combine(request.api)
    hasher.combine(request.targetModel)
    hasher.combine(request.memberNames)
    hash = hasher.finalize()
  }
}
