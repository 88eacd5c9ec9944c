import EPPCore
import EPPMetrics
import Hummingbird

/// Answers requests to the metrics server.
struct ObservabilityResponder: HTTPResponder {
  /// Makes the page of `/metrics`.
  let page: @Sendable () -> [UInt8]
  /// Decides the answer of `/readyz`.
  let readiness: @Sendable () -> Readiness
  /// Decides about a bearer token and a path; nil grants everything.
  let access: (@Sendable (_ token: String?, _ path: String) async -> PageAccess)?
  /// Returns the bound address of the admin server; nil while there is none.
  let adminAddress: @Sendable () -> String?

  /// Paths of probes, which have no token.
  private static let open: Set<String> = ["/healthz", "/readyz"]

  func respond(to request: Request, context: BasicRequestContext) async throws -> Response {
    guard request.method == .get || request.method == .head else {
      var response = Response.text(.methodNotAllowed, "use GET or HEAD\n")
      response.headers[.allow] = "GET, HEAD"
      return response
    }
    let path = request.uri.path
    if let access, !Self.open.contains(path) {
      switch await access(BearerToken.read(request.headers[.authorization]), path) {
      case .granted: break
      case .unauthenticated:
        var response = Response.text(
          .unauthorized, "send the header 'Authorization: Bearer TOKEN' of a service account\n")
        response.headers[.wwwAuthenticate] = "Bearer"
        return response
      case .forbidden:
        return .text(
          .forbidden, "the account of the token needs a ClusterRole with nonResourceURLs \(path), verb get\n")
      case .undecided(let reason): return .text(.serviceUnavailable, reason + "\n")
      }
    }
    let response = answer(path: path)
    return request.method == .head ? response.createHeadResponse() : response
  }

  private func answer(path: String) -> Response {
    switch path {
    case "/metrics": .content(.ok, page(), type: PickerMetrics.contentType)
    case "/healthz": .text(.ok, "ok\n")
    case "/readyz":
      switch readiness() {
      case .ready: .text(.ok, "ok\n")
      case .notReady(let reason): .text(.serviceUnavailable, reason + "\n")
      }
    case _ where path == "/debug" || path.hasPrefix("/debug/"):
      if let address = adminAddress() {
        .text(.notFound, "not here: the documents below /debug are on the admin address, http://\(address)\n")
      } else {
        .text(
          .notFound,
          "not here: the documents below /debug are on the admin address, and this process has none; start it with "
            + "--admin-address HOST:PORT\n")
      }
    default: .text(.notFound, "not found; there is /metrics, /healthz, /readyz\n")
    }
  }
}
