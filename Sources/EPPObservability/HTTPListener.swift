import EPPCertificates
import EPPCore
import Glibc
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore

/// Runs a responder as an HTTP/1.1 server on one address.
struct HTTPListener<Responder: HTTPResponder>: Sendable where Responder.Context == BasicRequestContext {
  /// The address to listen on.
  let host: String
  /// The port to listen on; 0 binds a free port.
  let port: Int
  /// Open connections at most; further ones wait in the backlog.
  let maximumConnections: Int
  /// How long a connection may be idle before it is closed.
  let idleTimeout: Duration
  /// The certificate of the server; nil serves plain text.
  let certificate: ServerCertificate?
  /// Answers the requests.
  let responder: Responder
  /// The logger of the server.
  let logger: Logger

  /// Serves until the task is cancelled or, in a service group, until graceful shutdown.
  ///
  /// - Parameter onListening: Called once, with the bound port, before the first request is answered.
  /// - Throws: `ListeningProblem` when the port cannot be bound.
  func run(onListening: @escaping @Sendable (Int) -> Void) async throws {
    let stop = StoppingLogHandler.Stop()
    let quiet = Logger(label: logger.label) { _ in StoppingLogHandler(logger.handler, until: stop) }
    let application = Application(
      responder: responder, server: builder,
      configuration: ApplicationConfiguration(
        address: .hostname(host, port: port),
        availableConnectionsDelegate: MaximumAvailableConnections(maximumConnections)),
      onServerRunning: { [port] channel in onListening(channel.localAddress?.port ?? port) }, logger: quiet)
    do {
      try await withTaskCancellationHandler {
        try await application.run()
      } onCancel: {
        stop.set()
      }
    } catch let error as IOError {
      throw ListeningProblem(error)
    }
  }

  private var builder: HTTPServerBuilder {
    let settings = HTTP1Channel.Configuration(idleTimeout: .nanoseconds(idleTimeout.wholeNanoseconds))
    guard let certificate else { return .http1(configuration: settings) }
    return HTTPServerBuilder { responder in
      TLSChannel(base: HTTP1Channel(responder: responder, configuration: settings), certificate: certificate)
    }
  }
}

/// Why a port cannot be bound.
enum ListeningProblem: Error {
  /// Another process listens there.
  case isTaken
  /// Ports below 1024 need a privilege.
  case isForbidden
  /// No interface of the machine has the address.
  case isForeign
  /// What the operating system says.
  case other(String)

  init(_ error: IOError) {
    self =
      switch error.errnoCode {
      case EADDRINUSE: .isTaken
      case EACCES: .isForbidden
      case EADDRNOTAVAIL: .isForeign
      default: .other("\(error)")
      }
  }
}

extension Response {
  /// A response with a text for people.
  static func text(_ status: HTTPResponse.Status, _ body: String) -> Response {
    content(status, Array(body.utf8), type: "text/plain; charset=utf-8")
  }

  /// A response with a body of a media type.
  static func content(_ status: HTTPResponse.Status, _ body: [UInt8], type: String) -> Response {
    Response(status: status, headers: [.contentType: type], body: ResponseBody(byteBuffer: ByteBuffer(bytes: body)))
  }
}

/// Reads the header `Authorization`.
enum BearerToken {
  /// Returns the token of a header `Authorization` with the scheme Bearer (RFC 6750), whose name has no case.
  static func read(_ header: String?) -> String? {
    guard let parts = header?.split(separator: " ", maxSplits: 1), parts.count == 2, parts[0].lowercased() == "bearer"
    else { return nil }
    return String(parts[1].drop { $0 == " " })
  }
}
