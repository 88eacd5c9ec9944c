import EPPCore
import EPPMetrics
import Glibc
import Hummingbird
import HummingbirdCore
package import Logging
import NIOCore

/// Whether the process can serve requests, and if not, why.
package enum Readiness: Sendable, Equatable {
  case ready
  /// One line for whoever asks, such as "no endpoint has answered a metrics scrape yet".
  case notReady(reason: String)
}

/// The HTTP server on `--metrics-port`: `/metrics`, `/healthz`, `/readyz`. Plain text, without authentication.
package struct ObservabilityServer: Sendable {
  /// Where the server listens.
  package struct Configuration: Sendable {
    package var host: String
    /// 0 takes a free port.
    package var port: Int
    /// Connections at one time; further ones wait in the backlog.
    package var maximumConnections = 128
    /// When a connection without a request is closed.
    package var idleTimeout: Duration = .seconds(120)

    package init(host: String, port: Int) {
      self.host = host
      self.port = port
    }
  }

  private let configuration: Configuration
  private let responder: ObservabilityResponder
  private let logger: Logger
  private let onListening: @Sendable (Int) -> Void

  /// - Parameters:
  ///   - page: Makes the page of `/metrics`: gauges that are read at this moment are refreshed first. Called once for
  ///     each request, at several places at a time.
  ///   - documents: Makes pages of JSON, by path, such as `/debug/kv-events`.
  ///   - readiness: Answers `/readyz`.
  ///   - onListening: Called once with the port on which the server listens.
  package init(
    configuration: Configuration, logger: Logger, page: @escaping @Sendable () -> [UInt8],
    documents: [String: @Sendable () -> [UInt8]] = [:],
    readiness: @escaping @Sendable () -> Readiness, onListening: @escaping @Sendable (Int) -> Void = { _ in }
  ) {
    self.configuration = configuration
    self.logger = logger
    self.onListening = onListening
    responder = ObservabilityResponder(page: page, readiness: readiness, documents: documents)
  }

  /// Serves until the task is cancelled or, below a service group, until graceful shutdown.
  ///
  /// - Throws: `ObservabilityServerError` when the server cannot listen.
  package func run() async throws {
    let (configuration, onListening, logger) = (configuration, onListening, logger)
    let application = Application(
      responder: responder,
      server: .http1(configuration: .init(idleTimeout: .nanoseconds(configuration.idleTimeout.wholeNanoseconds))),
      configuration: ApplicationConfiguration(
        address: .hostname(configuration.host, port: configuration.port),
        availableConnectionsDelegate: MaximumAvailableConnections(configuration.maximumConnections)),
      onServerRunning: { channel in
        let port = channel.localAddress?.port ?? configuration.port
        logger.info(
          "serving metrics", metadata: ["host": .string(configuration.host), "port": .stringConvertible(port)])
        onListening(port)
      }, logger: logger)
    do {
      try await application.run()
    } catch let error as IOError {
      throw ObservabilityServerError(host: configuration.host, port: configuration.port, cause: error)
    }
  }
}

/// Why the metrics server could not listen; its description is one line for the operator.
package struct ObservabilityServerError: Error, CustomStringConvertible {
  package let description: String

  init(host: String, port: Int, cause: IOError) {
    description =
      switch cause.errnoCode {
      case EADDRINUSE:
        "--metrics-port \(port): another process listens on this port of \(host); stop it or choose another port"
      case EACCES: "--metrics-port \(port): not allowed to listen on this port; choose one above 1023"
      case EADDRNOTAVAIL: "--metrics-port \(port): \(host) is not an address of this machine"
      default: "--metrics-port \(port): cannot listen on \(host): \(cause)"
      }
  }
}
