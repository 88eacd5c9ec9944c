import EPPCore
import EPPDataLayer
import EPPGRPCServer
import EPPKubernetes
import EPPProcess
import EPPRouting
import Logging
import ServiceLifecycle

/// Runs the discovery and scraping of endpoints as a service.
struct EndpointService: Service {
  /// Discovers and scrapes endpoints.
  let watch: EndpointWatch
  /// Sources of endpoints beside flags and files.
  let others: [any EndpointSource]

  func run() async throws {
    try await cancelWhenGracefulShutdown { try await watch.run(others) }
  }
}

/// Takes part in the election of a leader as a service; gives the lease up at shutdown.
struct ElectionService: Service {
  /// The election.
  let election: LeaderElection
  /// The health that depends on who leads.
  let health: HealthState

  func run() async throws {
    await cancelWhenGracefulShutdown { await election.run { health.noteLeadership() } }
    // Not ready before another replica can be.
    health.startDraining()
    await election.release()
  }
}

/// Runs the upkeep of the prefix index every second.
struct UpkeepService: Service {
  /// Adapts the index to the sizes of the engines' caches, and removes unused entries.
  let upkeep: PoolUpkeep
  /// Time between two runs. An engine's cache changes its size only at a restart.
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

/// Runs the gRPC server as a service: sets it ready when every source of endpoints has been read, and drains it at shutdown.
struct PickerService: Service {
  /// The server.
  let picker: PickerServer
  /// Reports when the sources of endpoints have been read.
  let watch: EndpointWatch
  /// The health that is set to ready.
  let health: HealthState
  /// Prints the ports when they are open.
  let ports: PortAnnouncement
  /// The logger of the start of draining.
  let logger: Logger

  func run() async throws {
    await watch.waitUntilReady()
    // Whoever is told that the process is ready may ask for its metrics at once.
    await cancelWhenGracefulShutdown { [ports] in await ports.waitForMetrics() }
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
}
