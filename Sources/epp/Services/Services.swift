import EPPCore
import EPPDataLayer
import EPPGRPCServer
import EPPRouting
import Logging
import ServiceLifecycle

/// Finds and scrapes endpoints until everything that needs them has stopped.
struct EndpointService: Service {
  let watch: EndpointWatch

  func run() async throws {
    try await cancelWhenGracefulShutdown { try await watch.run() }
  }
}

/// Keeps the index as large as the engines' caches, which they tell on their pages, and tidy.
struct UpkeepService: Service {
  let upkeep: PoolUpkeep
  /// An engine's cache changes its size only with a restart.
  private static let interval = Duration.seconds(1)

  func run() async throws {
    await cancelWhenGracefulShutdown {
      while !Task.isCancelled {
        upkeep.run(now: .now())
        try? await Task.sleep(for: Self.interval)
      }
    }
  }
}

/// Serves gRPC: ready when every source of endpoints has been read, drained when the process is asked to stop.
struct PickerService: Service {
  let picker: PickerServer
  let watch: EndpointWatch
  let health: HealthState
  let ports: PortAnnouncement
  let logger: Logger

  func run() async throws {
    await watch.waitUntilReady()
    picker.start()
    // The usual case: ready before anybody can ask.
    if watch.hasReadSources { health.setReady(true) }
    ports.pickerListening()
    await withTaskGroup(of: Void.self) { group in
      group.addTask { [watch, health] in
        // Probes are answered meanwhile, and requests with 503.
        if await watch.waitUntilSourcesRead() { health.setReady(true) }
      }
      await Self.waitForShutdown()
      group.cancelAll()
    }
    logger.info("draining", metadata: ["connections": "\(picker.connectionCount)"])
    await picker.drain()
  }

  private static func waitForShutdown() async {
    let (stream, continuation) = AsyncStream<Void>.makeStream()
    await withGracefulShutdownHandler {
      for await _ in stream {}
    } onGracefulShutdown: {
      continuation.finish()
    }
  }
}
