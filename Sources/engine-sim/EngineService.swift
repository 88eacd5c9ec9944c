import EngineSimulator
import Glibc
import ServiceLifecycle

/// Runs the engines of the process as a service.
struct EngineService: Service {
  /// The options of all engines.
  let options: EngineOptions
  /// The address to listen on.
  let host: String
  /// The port of the first engine, counted up for the others; 0 binds free ports.
  let port: Int
  /// Number of engines.
  let count: Int

  func run() async throws {
    var servers: [EngineServer] = []
    for index in 0..<count {
      let wanted = port == 0 ? 0 : port + index
      do {
        var options = options
        options.kvEvents = options.kvEvents?.moved(by: index)
        options.kvTransfer = options.kvTransfer?.moved(by: index)
        servers.append(try await EngineServer.start(options: options, host: host, port: wanted))
      } catch {
        for server in servers { try await server.stop() }
        // Its description already says what to do.
        if error is KVEventPublisherError || error is SideChannelError { throw error }
        throw CannotListen(host: host, port: wanted, reason: error)
      }
    }
    for server in servers {
      announce("engine-sim: listening on \(server.address)")
      if let sideChannel = server.sideChannel {
        announce("engine-sim: KV transfers of \(server.address) on \(sideChannel)")
      }
      guard let events = server.kvEvents else { continue }
      let replay = events.replayEndpoint.map { ", replayed on \($0.text)" } ?? ""
      announce("engine-sim: KV events of \(server.address) on \(events.endpoint.text)\(replay)")
    }
    try await gracefulShutdown()
    for server in servers { try await server.stop() }
  }

  /// Prints a line and flushes standard output, which may be a pipe whose reader waits for the line.
  private func announce(_ line: String) {
    print(line)
    _ = fflush(nil)
  }
}

/// Why a port cannot be opened.
private struct CannotListen: Error, CustomStringConvertible {
  var host: String
  var port: Int
  var reason: any Error

  var description: String {
    "cannot listen on \(host) port \(port): \(reason). Choose another --port, or 0 for any that is free."
  }
}
