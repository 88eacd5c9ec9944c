package import EPPCertificates
package import EPPCore
import EPPMetrics
package import Logging

/// Whether the process can serve requests.
package enum Readiness: Sendable, Equatable {
  case ready
  /// The process cannot serve requests. `reason` is one line, such as "no endpoint has answered a metrics scrape yet".
  case notReady(reason: String)
}

/// The HTTP server on `--metrics-port`: `/metrics`, `/healthz` and `/readyz`.
package struct ObservabilityServer: Sendable {
  /// Address and limits of the server.
  package struct Configuration: Sendable {
    /// The address to listen on.
    package var host: String
    /// The port to listen on; 0 binds a free port.
    package var port: Int
    /// Open connections at most; further ones wait in the backlog.
    package var maximumConnections = 128
    /// How long a connection may be idle before it is closed.
    package var idleTimeout: Duration = .seconds(120)
    /// The certificate of the server; nil serves plain text.
    package var certificate: ServerCertificate?

    package init(host: String, port: Int, certificate: ServerCertificate? = nil) {
      self.host = host
      self.port = port
      self.certificate = certificate
    }
  }

  private let configuration: Configuration
  private let responder: ObservabilityResponder
  private let logger: Logger
  private let onListening: @Sendable (Int) -> Void

  /// Prepares a server; nothing is bound before `run`.
  ///
  /// - Parameters:
  ///   - page: Makes the page of `/metrics`. Called for each request, on several threads at once.
  ///   - readiness: Decides the answer of `/readyz`. Called like `page`.
  ///   - access: Decides about a bearer token (nil when the client sends none) and a path; nil grants everything. Probes need
  ///     no token.
  ///   - adminAddress: Returns the bound address of the admin server, for those who look for its documents here; nil while
  ///     there is none. Called like `page`.
  ///   - onListening: Called once, with the bound port.
  package init(
    configuration: Configuration, logger: Logger, page: @escaping @Sendable () -> [UInt8],
    readiness: @escaping @Sendable () -> Readiness,
    access: (@Sendable (_ token: String?, _ path: String) async -> PageAccess)? = nil,
    adminAddress: @escaping @Sendable () -> String? = { nil },
    onListening: @escaping @Sendable (Int) -> Void = { _ in }
  ) {
    self.configuration = configuration
    self.logger = logger
    self.onListening = onListening
    responder = ObservabilityResponder(
      page: page, readiness: readiness, access: access, adminAddress: adminAddress)
  }

  /// Serves until the task is cancelled or, in a service group, until graceful shutdown.
  ///
  /// - Throws: `ObservabilityServerError` when the port cannot be bound.
  package func run() async throws {
    let (configuration, onListening, logger) = (configuration, onListening, logger)
    let listener = HTTPListener(
      host: configuration.host, port: configuration.port, maximumConnections: configuration.maximumConnections,
      idleTimeout: configuration.idleTimeout, certificate: configuration.certificate, responder: responder,
      logger: logger)
    do {
      try await listener.run { port in
        logger.info(
          "serving metrics", metadata: ["host": .string(configuration.host), "port": .stringConvertible(port)])
        onListening(port)
      }
    } catch let problem as ListeningProblem {
      throw ObservabilityServerError(host: configuration.host, port: configuration.port, problem)
    }
  }
}

/// Why the metrics server cannot listen, in one line for the operator.
package struct ObservabilityServerError: Error, CustomStringConvertible {
  package let description: String

  init(host: String, port: Int, _ problem: ListeningProblem) {
    description =
      switch problem {
      case .isTaken:
        "--metrics-port \(port): another process listens on this port of \(host); stop it or choose another port"
      case .isForbidden: "--metrics-port \(port): not allowed to listen on this port; choose one above 1023"
      case .isForeign: "--metrics-port \(port): \(host) is not an address of this machine"
      case .other(let reason): "--metrics-port \(port): cannot listen on \(host): \(reason)"
      }
  }
}
