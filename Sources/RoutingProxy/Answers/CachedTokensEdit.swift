import EPPCore
import EPPRequests

/// Sets the number of cached tokens in the usage of an answer. A decode engine counts all tokens that it got from another engine as
/// cached; the client is told what the prefill engine had in its cache.
struct CachedTokensEdit: Equatable, Sendable {
  let cachedTokens: Int

  /// Members of events that hold an answer with its usage, as in the Responses and the Messages API.
  private static let envelopes = ["response", "message"]

  /// The object with the number; nil when it has no usage, or is no JSON object.
  func edited(_ body: RawSpan) -> [UInt8]? {
    guard var object = try? JSONObjectEdit(body), edit(&object, body) else { return nil }
    return object.bytes(body)
  }

  private func edit(_ object: inout JSONObjectEdit, _ body: RawSpan) -> Bool {
    if let range = object.value("usage"), var usage = try? JSONObjectEdit(body, in: range) {
      guard edit(usage: &usage, body) else { return false }
      object.set("usage", usage, body)
      return true
    }
    for name in Self.envelopes {
      guard let range = object.value(name), var inner = try? JSONObjectEdit(body, in: range) else { continue }
      guard edit(&inner, body) else { return false }
      object.set(name, inner, body)
      return true
    }
    return false
  }

  private func edit(usage: inout JSONObjectEdit, _ body: RawSpan) -> Bool {
    if usage.contains("input_tokens") {
      // The Messages API has its own name for the number, and has it only where the engine counts it.
      if usage.contains("cache_read_input_tokens") {
        usage.set("cache_read_input_tokens", cachedTokens)
        return true
      }
      guard usage.contains("input_tokens_details") else { return false }
      set(&usage, "input_tokens_details", body)
    } else {
      set(&usage, "prompt_tokens_details", body)
    }
    return true
  }

  private func set(_ usage: inout JSONObjectEdit, _ name: String, _ body: RawSpan) {
    var details = JSONObjectEdit()
    if let range = usage.value(name), let given = try? JSONObjectEdit(body, in: range) { details = given }
    details.set("cached_tokens", cachedTokens)
    usage.set(name, details, body)
  }
}
