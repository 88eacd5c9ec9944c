import EPPCore
import Hummingbird
import NIOCore

/// Answers requests to the admin server.
struct AdminResponder: HTTPResponder {
  /// Where the token can be had.
  enum TokenPlace: Sendable {
    /// In the file at this path.
    case file(String)
    /// Nowhere: the file could not be made, for this reason.
    case nowhere(reason: String)
  }

  /// Decides by headers whose requests are looked at.
  let door: AdminGuard
  /// Wanted of requests that do something.
  let token: AdminToken
  /// Returns where the token can be had, for messages.
  let tokenPlace: @Sendable () -> TokenPlace
  /// Make JSON documents, by path.
  let documents: [String: @Sendable () -> [UInt8]]
  /// What POST does, by path.
  let actions: [String: AdminAction]

  func respond(to request: Request, context: BasicRequestContext) async throws -> Response {
    // The first Host header is the request's authority, further ones stay among the others.
    let hosts =
      [request.head.authority].compactMap(\.self)
      + request.headers.lazy.filter { $0.name.canonicalName == "host" }.map(\.value)
    if let sentence = door.refusal(hosts: hosts, origin: request.headers[.origin]) {
      return .text(.forbidden, sentence + "\n")
    }
    let path = request.uri.path
    switch (request.method, documents[path], actions[path]) {
    case (_, nil, nil): return .text(.notFound, ProfilingHelp.text(for: path) ?? "not found; there is \(index)\n")
    case (.get, .some(let document), _): return .content(.ok, document(), type: Self.json)
    case (.head, .some(let document), _): return Response.content(.ok, document(), type: Self.json).createHeadResponse()
    case (.post, _, .some(let action)): return try await perform(action, request)
    case (_, let document, let action):
      let methods = (document == nil ? [] : ["GET", "HEAD"]) + (action == nil ? [] : ["POST"])
      var response = Response.text(.methodNotAllowed, "use \(methods.joined(separator: " or "))\n")
      response.headers[.allow] = methods.joined(separator: ", ")
      return response
    }
  }

  private static let json = "application/json"

  private var index: String {
    (documents.keys.map { "GET \($0)" } + actions.keys.map { "POST \($0)" }).sorted().joined(separator: ", ")
  }

  private func perform(_ action: AdminAction, _ request: Request) async throws -> Response {
    guard let offered = BearerToken.read(request.headers[.authorization]) else {
      return unauthorized("send the header 'Authorization: Bearer TOKEN'")
    }
    guard token.isEqual(to: offered) else { return unauthorized("this is not the token of this process") }
    let body: ByteBuffer
    do { body = try await request.body.collect(upTo: AdminAction.maximumBodyBytes) } catch is NIOTooManyBytesError {
      return .text(.contentTooLarge, "the body has more than \(AdminAction.maximumBodyBytes) bytes\n")
    }
    return switch await action.perform(Array(body.readableBytesView)) {
    case .done(let answer): .content(.ok, answer, type: Self.json)
    case .refused(let answer): .content(.badRequest, answer, type: Self.json)
    }
  }

  private func unauthorized(_ sentence: String) -> Response {
    let place =
      switch tokenPlace() {
      case .file(let path): "it is in \(path), which the user of the process can read"
      case .nowhere(let reason):
        "its file could not be made (\(reason)): start the process with --admin-token-file FILE"
      }
    var response = Response.text(.unauthorized, "\(sentence); \(place)\n")
    response.headers[.wwwAuthenticate] = "Bearer"
    return response
  }
}
