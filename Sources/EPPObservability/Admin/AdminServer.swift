package import EPPCore
package import Logging
import Synchronization

/// The HTTP server on `--admin-address`: documents for operators, and actions that change the running process.
///
/// Documents can be read by whoever reaches the address, which is meant to be a loopback one; actions want a token that only the
/// user of the process can read. Browsers are refused.
package struct AdminServer: Sendable {
  /// Address and limits of the server.
  package struct Configuration: Sendable {
    /// The address to listen on.
    package var host: IPAddress
    /// The address as text, without brackets.
    package var hostText: String
    /// The port to listen on; 0 binds a free port.
    package var port: Int
    /// The file of the token; nil for the default path, where a file that cannot be made does not keep the server from serving.
    package var tokenFile: String?
    /// Open connections at most; further ones wait in the backlog.
    package var maximumConnections = 32
    /// How long a connection may be idle before it is closed.
    package var idleTimeout: Duration = .seconds(120)

    /// - Parameter hostText: An IP literal without brackets. Nil is returned for another text.
    package init?(hostText: String, port: Int, tokenFile: String? = nil) {
      guard let host = IPAddress(hostText) else { return nil }
      self.host = host
      self.hostText = hostText
      self.port = port
      self.tokenFile = tokenFile
    }
  }

  private let configuration: Configuration
  private let environment: [String: String]
  private let logger: Logger
  private let documents: [String: @Sendable () -> [UInt8]]
  private let actions: [String: AdminAction]
  private let onListening: @Sendable (_ address: String) -> Void

  /// Prepares a server; nothing is bound, and no file made, before `run`.
  ///
  /// - Parameters:
  ///   - environment: The environment variables of the process, for the default path of the token's file.
  ///   - documents: Make JSON documents, by path, such as `/debug/kv-events`. Called for each request, on several threads at once.
  ///   - actions: What POST does, by path.
  ///   - onListening: Called once, with the bound address, such as `127.0.0.1:9091`.
  package init(
    configuration: Configuration, environment: [String: String], logger: Logger,
    documents: [String: @Sendable () -> [UInt8]], actions: [String: AdminAction] = [:],
    onListening: @escaping @Sendable (_ address: String) -> Void = { _ in }
  ) {
    self.configuration = configuration
    self.environment = environment
    self.logger = logger
    self.documents = documents
    self.actions = actions
    self.onListening = onListening
  }

  /// Serves until the task is cancelled or, in a service group, until graceful shutdown. Removes the token's file at the end.
  ///
  /// - Throws: `AdminServerError` when the address cannot be bound, or when the token's file that was named cannot be made.
  package func run() async throws {
    let token = AdminToken()
    let file = TokenFile()
    defer { file.remove() }
    if let path = configuration.tokenFile {
      do throws(AdminTokenProblem) { try file.make(path, token) } catch {
        throw AdminServerError(isAboutAddress: false, "--admin-token-file \(error)")
      }
    }
    let responder = AdminResponder(
      door: AdminGuard(boundTo: configuration.host), token: token, tokenPlace: { file.place }, documents: documents,
      actions: actions)
    let listener = HTTPListener(
      host: configuration.hostText, port: configuration.port, maximumConnections: configuration.maximumConnections,
      idleTimeout: configuration.idleTimeout, certificate: nil, responder: responder, logger: logger)
    let (configuration, environment, logger, onListening) = (configuration, environment, logger, onListening)
    do {
      try await listener.run { port in
        if configuration.tokenFile == nil {
          // Named with the port, so that it can only be made when that is bound.
          let path = AdminTokenFile.defaultPath(port: port, environment: environment)
          do throws(AdminTokenProblem) { try file.make(path, token) } catch {
            logger.warning("nothing can be changed on the admin address, for its token has no file: \(error)")
            file.fail("\(error)")
          }
        }
        onListening(configuration.address(port))
      }
    } catch let problem as ListeningProblem {
      throw AdminServerError(configuration, problem)
    }
  }

  /// The file of the token and its state, shared with the responder.
  private final class TokenFile: Sendable {
    private struct State {
      var file: AdminTokenFile?
      var reason = "it is not made yet"
    }

    private let state = Mutex(State())

    func make(_ path: String, _ token: AdminToken) throws(AdminTokenProblem) {
      let file = try AdminTokenFile(path: path, token: token)
      state.withLock { $0.file = file }
    }

    func fail(_ reason: String) { state.withLock { $0.reason = reason } }

    func remove() { state.withLock { $0.file }?.remove() }

    var place: AdminResponder.TokenPlace {
      state.withLock { state in state.file.map { .file($0.path) } ?? .nowhere(reason: state.reason) }
    }
  }
}

extension AdminServer.Configuration {
  /// The address with a port, an IPv6 one in brackets.
  fileprivate func address(_ port: Int) -> String {
    hostText.contains(":") ? "[\(hostText)]:\(port)" : "\(hostText):\(port)"
  }
}

/// Why the admin server cannot serve, in one line for the operator.
package struct AdminServerError: Error, CustomStringConvertible {
  /// Whether the address cannot be bound; else it is the token's file that cannot be made.
  package let isAboutAddress: Bool
  package let description: String

  init(isAboutAddress: Bool, _ description: String) {
    self.isAboutAddress = isAboutAddress
    self.description = description
  }

  init(_ configuration: AdminServer.Configuration, _ problem: ListeningProblem) {
    let reason =
      switch problem {
      case .isTaken: "another process listens there"
      case .isForbidden: "not allowed to listen on this port"
      case .isForeign: "\(configuration.hostText) is not an address of this machine"
      case .other(let reason): "cannot listen there: \(reason)"
      }
    self.init(
      isAboutAddress: true,
      "--admin-address \(configuration.address(configuration.port)): \(reason); choose another address, or an empty one "
        + "for none")
  }
}
