import EPPCore
import EPPRequests

/// What requests have in common whose prompts become tokens in the same way: the API, the model, and which members their
/// bodies have. What the members say does not count, for each client has tools of its own.
struct PromptKind: Hashable, Sendable {
  /// Seeded anew in each process, so that nobody makes two kinds into one; names of any length come from anybody.
  private let hash: Int

  /// Nil for a body that is no JSON object.
  init?(_ request: InferenceRequest, _ body: RawSpan) {
    var hasher = Hasher()
    hasher.combine(request.api)
    hasher.combine(request.targetModel)
    do throws(JSONError) {
      var cursor = JSONCursor(body)
      try cursor.open(body, .object)
      var isFirst = true
      while let key = try cursor.nextMember(body, isFirst: &isFirst) {
        unsafe body.extracting(key.quotedRange).withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
        _ = try cursor.skipValue(body)
      }
    } catch {
      return nil
    }
    hash = hasher.finalize()
  }
}
