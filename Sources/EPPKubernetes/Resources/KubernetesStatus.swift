/// The answer of the API server to a request that failed (kind `Status`).
package struct KubernetesStatus: Decodable, Equatable, Sendable {
  /// HTTP status code.
  package var code: Int
  /// Machine-readable reason in one word, such as `Expired`; empty when the answer has none.
  package var reason: String
  /// Description for people, in one sentence.
  package var message: String
  /// Seconds to wait before a retry; nil when the server names none.
  package var retryAfterSeconds: Int?
  /// Machine-readable reasons that are more specific than `reason`.
  package var causes: [String]

  package init(
    code: Int, reason: String = "", message: String = "", retryAfterSeconds: Int? = nil, causes: [String] = []
  ) {
    self.code = code
    self.reason = reason
    self.message = message
    self.retryAfterSeconds = retryAfterSeconds
    self.causes = causes
  }

  private enum CodingKeys: String, CodingKey { case code, reason, message, details }

  private struct Details: Decodable {
    struct Cause: Decodable {
      var reason: String?
    }

    var retryAfterSeconds: Int?
    var causes: [Cause]?
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    code = try container.decodeIfPresent(Int.self, forKey: .code) ?? 0
    reason = try container.decodeIfPresent(String.self, forKey: .reason) ?? ""
    message = try container.decodeIfPresent(String.self, forKey: .message) ?? ""
    let details = try container.decodeIfPresent(Details.self, forKey: .details)
    retryAfterSeconds = details?.retryAfterSeconds
    causes = (details?.causes ?? []).compactMap(\.reason)
  }
}
