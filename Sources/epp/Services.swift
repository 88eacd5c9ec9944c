import EPPDataLayer
import EPPGRPCServer
import EPPMetrics
import EPPRouting
import ServiceLifecycle

/// Finds and scrapes endpoints until everything that needs them has stopped.
struct EndpointService: Service {
  let watch: EndpointWatch

  func run() async throws {
    try await cancelWhenGracefulShutdown { try await watch.run() }
  }
}

/// Keeps the index as large as the engines' caches, and the gauges of the pool fresh.
struct PoolUpkeep: Service {
  let pool: Pool
  let metrics: PickerMetrics
  let interval: Duration

  func run() async throws {
    await cancelWhenGracefulShutdown {
      var next = ContinuousClock.now
      while !Task.isCancelled {
        pool.adoptCacheSizes()
        metrics.refreshPool(pool.currentSnapshot(), now: .now())
        next = max(next + min(interval, .seconds(1)), .now)
        try? await Task.sleep(until: next, clock: .continuous)
      }
    }
  }
}

/// Serves gRPC: ready when the endpoints have been looked at, drained when the process is asked to stop.
struct PickerService: Service {
  let picker: PickerServer
  let watch: EndpointWatch
  let health: HealthState
  let ports: PortAnnouncement

  func run() async throws {
    await watch.waitUntilReady()
    picker.start()
    health.setReady(true)
    ports.pickerListening()
    await Self.waitForShutdown()
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
