/// What the API server says of a request that it has not served (kind `Status`).
package struct KubernetesStatus: Decodable, Equatable, Sendable {
  /// The HTTP status.
  package var code: Int
  /// One word for programs, such as `Expired`; empty where the answer has none.
  package var reason: String
  /// A sentence for people.
  package var message: String
  /// Seconds to wait before the request is sent again; nil where the server names none.
  package var retryAfterSeconds: Int?
  /// Words for programs that say more than `reason`.
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
