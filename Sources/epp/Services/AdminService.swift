import EPPConfiguration
import EPPObservability
import EPPProcess
import Logging
import ServiceLifecycle
import Synchronization

/// The admin server of the process, and where it listens. Any thread may use it.
final class AdminService: Service {
  private let settings: AdminSettings
  private let server: AdminServer?
  private let logger: Logger
  private let place: AdminPlace

  /// Prepares the server of the settings; none where they name no address.
  ///
  /// - Parameters:
  ///   - place: Learns where the server listens.
  ///   - environment: The environment variables of the process.
  ///   - documents: Make JSON documents, by path.
  ///   - actions: What POST does, by path.
  init(
    _ settings: AdminSettings, place: AdminPlace, environment: [String: String], logger: Logger,
    documents: [String: @Sendable () -> [UInt8]], actions: [String: AdminAction]
  ) {
    self.settings = settings
    self.logger = logger
    self.place = place
    server = settings.address.flatMap { address in
      AdminServer.Configuration(hostText: address.host, port: address.port, tokenFile: settings.tokenFile)
    }.map { configuration in
      AdminServer(
        configuration: configuration, environment: environment, logger: logger, documents: documents, actions: actions,
        onListening: { place.settle($0) })
    }
  }

  /// Serves until graceful shutdown.
  ///
  /// - Throws: `AdminServerError` when an address that was given cannot be bound, or when the token's file that was named cannot be
  ///   made. The default address may be taken: then there is a warning, and no admin server.
  func run() async throws {
    guard let server else {
      place.settle(nil)
      return await Self.waitForShutdown()
    }
    do {
      try await server.run()
    } catch let error as AdminServerError where error.isAboutAddress && settings.address?.isGiven == false {
      logger.warning("no admin server: \(error)")
      place.settle(nil)
      await Self.waitForShutdown()
    }
  }
}

/// Where the admin server listens. Any thread may use it.
final class AdminPlace: Sendable {
  private let bound = Mutex<String?>(nil)
  private let onSettled: @Sendable (_ address: String?) -> Void

  /// - Parameter onSettled: Called once, with the bound address, or with nil when there is no admin server.
  init(onSettled: @escaping @Sendable (_ address: String?) -> Void) { self.onSettled = onSettled }

  /// The bound address, such as `127.0.0.1:9091`; nil while there is none.
  var address: String? { bound.withLock { $0 } }

  /// Records the bound address, or that there is none.
  func settle(_ address: String?) {
    bound.withLock { $0 = address }
    onSettled(address)
  }
}
