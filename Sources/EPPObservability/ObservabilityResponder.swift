import EPPCore
import EPPMetrics
import Hummingbird
import NIOCore

/// Answers requests to the metrics server.
struct ObservabilityResponder: HTTPResponder {
  /// Makes the page of `/metrics`.
  let page: @Sendable () -> [UInt8]
  /// Decides the answer of `/readyz`.
  let readiness: @Sendable () -> Readiness
  /// Make JSON documents, by path.
  let documents: [String: @Sendable () -> [UInt8]]
  /// Decides about a bearer token and a path; nil grants everything.
  let access: (@Sendable (_ token: String?, _ path: String) async -> PageAccess)?

  /// Paths of probes, which have no token.
  private static let open: Set<String> = ["/healthz", "/readyz"]

  func respond(to request: Request, context: BasicRequestContext) async throws -> Response {
    guard request.method == .get || request.method == .head else {
      var response = text(.methodNotAllowed, "use GET or HEAD\n")
      response.headers[.allow] = "GET, HEAD"
      return response
    }
    let path = request.uri.path
    if let access, !Self.open.contains(path) {
      switch await access(Self.bearerToken(request.headers[.authorization]), path) {
      case .granted: break
      case .unauthenticated:
        var response = text(.unauthorized, "send the header 'Authorization: Bearer TOKEN' of a service account\n")
        response.headers[.wwwAuthenticate] = "Bearer"
        return response
      case .forbidden:
        return text(.forbidden, "the account of the token needs a ClusterRole with nonResourceURLs \(path), verb get\n")
      case .undecided(let reason): return text(.serviceUnavailable, reason + "\n")
      }
    }
    let response = answer(path: path)
    return request.method == .head ? response.createHeadResponse() : response
  }

  /// Returns the token of a header `Authorization` with the scheme Bearer (RFC 6750), whose name has no case.
  private static func bearerToken(_ header: String?) -> String? {
    guard let parts = header?.split(separator: " ", maxSplits: 1), parts.count == 2, parts[0].lowercased() == "bearer"
    else { return nil }
    return String(parts[1].drop { $0 == " " })
  }

  private func answer(path: String) -> Response {
    switch path {
    case "/metrics": content(.ok, page(), type: PickerMetrics.contentType)
    case "/healthz": text(.ok, "ok\n")
    case "/readyz":
      switch readiness() {
      case .ready: text(.ok, "ok\n")
      case .notReady(let reason): text(.serviceUnavailable, reason + "\n")
      }
    default:
      if let document = documents[path] {
        content(.ok, document(), type: "application/json")
      } else {
        text(
          .notFound,
          "not found; there is \((["/metrics", "/healthz", "/readyz"] + documents.keys.sorted()).joined(separator: ", "))\n"
        )
      }
    }
  }

  private func text(_ status: HTTPResponse.Status, _ body: String) -> Response {
    content(status, Array(body.utf8), type: "text/plain; charset=utf-8")
  }

  private func content(_ status: HTTPResponse.Status, _ body: [UInt8], type: String) -> Response {
    Response(status: status, headers: [.contentType: type], body: ResponseBody(byteBuffer: ByteBuffer(bytes: body)))
  }
}
