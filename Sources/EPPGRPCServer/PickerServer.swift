import CGRPCShim
package import EPPExtProc
import EPPMetrics

/// The gRPC side of the process: ext_proc with health on one port, health alone on another.
///
/// Any thread may call it; `start`, `drain` once each, in this order.
package final class PickerServer: Sendable {
  package struct Configuration: Sendable {
    /// An IP literal to bind; `0.0.0.0` and `::` are all interfaces.
    package var bindAddress: String
    /// 0 binds a free port, here and below.
    package var port: Int
    package var healthPort: Int
    /// Most threads that serve both ports; see `WorkerScaling`.
    package var workers: Int
    /// Whether what is sent to one connection may leave together; false also where the system cannot.
    package var gathersWrites: Bool
    /// Nil serves plain text.
    package var tls: TLSIdentity?
    /// Bytes of one gRPC message.
    package var maximumReceiveMessageBytes: Int
    /// Open ext_proc streams per connection.
    package var maximumConcurrentStreams: Int
    /// Longest time from `drain` to the end of the last stream.
    package var drainTimeout: Duration

    package init(
      bindAddress: String, port: Int, healthPort: Int, workers: Int, gathersWrites: Bool, tls: TLSIdentity?,
      maximumReceiveMessageBytes: Int, maximumConcurrentStreams: Int, drainTimeout: Duration
    ) {
      self.bindAddress = bindAddress
      self.port = port
      self.healthPort = healthPort
      self.workers = workers
      self.gathersWrites = gathersWrites
      self.tls = tls
      self.maximumReceiveMessageBytes = maximumReceiveMessageBytes
      self.maximumConcurrentStreams = maximumConcurrentStreams
      self.drainTimeout = drainTimeout
    }
  }

  /// From one count of connections to the next while the server drains.
  private static let countInterval = Duration.milliseconds(50)

  private let configuration: Configuration
  private let health: HealthState
  /// They serve both ports: with a thread of its own the health port would poll for the connections of ext_proc too
  /// (the core has one epoll set for all), and hand each event over: 88 instead of 67 µs a request of 1 KB, measured.
  private let workers: WorkerGroup
  private let extProc: Listener
  private let healthOnly: Listener

  /// Binds both ports; throws when that fails.
  package init(
    configuration: Configuration, settings: ExtProcSettings, health: HealthState
  ) throws(ServerError) {
    epp_grpc_init()
    self.configuration = configuration
    self.health = health
    let workers = WorkerGroup(
      maximum: configuration.workers, gathersWrites: configuration.gathersWrites, metrics: settings.metrics.transport)
    self.workers = workers
    var bound: Listener?
    do {
      let extProc = try Listener(
        host: configuration.bindAddress, port: configuration.port, flag: "--grpc-port", tls: configuration.tls,
        options: Listener.Options(
          maximumReceiveMessageBytes: configuration.maximumReceiveMessageBytes,
          maximumConcurrentStreams: configuration.maximumConcurrentStreams), workers: workers,
        makeFactory: { ExtProcService(settings, health: health) })
      bound = extProc
      // A health request is a name; Watch streams stay open, so a thousand of them are allowed.
      healthOnly = try Listener(
        host: configuration.bindAddress, port: configuration.healthPort, flag: "--grpc-health-port", tls: nil,
        options: Listener.Options(maximumReceiveMessageBytes: 4096, maximumConcurrentStreams: 1000), workers: workers,
        makeFactory: { HealthHandlerFactory(health: health) })
      self.extProc = extProc
    } catch {
      // The core ends the process when a port that is bound goes without having been closed.
      bound?.stopAccepting(workers)
      workers.finishWithoutThreads()
      throw error
    }
  }

  /// Why what is sent to one connection cannot leave together on this system and with this gRPC core; nil when it can.
  ///
  /// Tries it on a connection of its own, which takes about a millisecond. Call it before the server is made.
  package static func obstacleToGatheringWrites() -> String? {
    unsafe epp_writes_obstacle().map { unsafe String(cString: $0) }
  }

  /// The version of the gRPC C core.
  package static var coreVersion: String { unsafe String(cString: epp_grpc_version()) }

  /// The bound ports.
  package var port: Int { extProc.port }
  package var healthPort: Int { healthOnly.port }

  package func start() {
    extProc.start()
    healthOnly.start()
    workers.start(serving: [extProc, healthOnly])
  }

  /// Connections to the ext_proc port, with streams or without. Looks at every open descriptor of the process.
  package var connectionCount: Int { extProc.connectionCount }

  /// Says NOT_SERVING, and takes new streams until the last connection to the ext_proc port is gone or the drain timeout
  /// ends; streams that are open then are cancelled. Returns when every thread has ended.
  ///
  /// Cancelling the task ends the wait as the drain timeout does.
  package func drain() async {
    let deadline = ContinuousClock.now + configuration.drainTimeout
    health.startDraining()
    // A gateway goes on sending requests until it has seen the change, which takes it up to half a minute.
    while connectionCount > 0, ContinuousClock.now < deadline {
      let next = min(deadline, ContinuousClock.now + Self.countInterval)
      guard (try? await Task.sleep(until: next, clock: .continuous)) != nil else { break }
    }
    extProc.stopAccepting(workers)
    extProc.cancelAllCalls()
    await extProc.waitUntilDrained()
    healthOnly.stopAccepting(workers)
    healthOnly.cancelAllCalls()
    await healthOnly.waitUntilDrained()
    workers.join()
    epp_grpc_shutdown()
  }
}

/// Why the server cannot start: one sentence for the operator.
package struct ServerError: Error, CustomStringConvertible, Equatable {
  package let description: String

  package init(_ description: String) { self.description = description }
}
