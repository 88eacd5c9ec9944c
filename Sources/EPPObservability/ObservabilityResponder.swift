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

  func respond(to request: Request, context: BasicRequestContext) async throws -> Response {
    guard request.method == .get || request.method == .head else {
      var response = text(.methodNotAllowed, "use GET or HEAD\n")
      response.headers[.allow] = "GET, HEAD"
      return response
    }
    let response = answer(path: request.uri.path)
    return request.method == .head ? response.createHeadResponse() : response
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
