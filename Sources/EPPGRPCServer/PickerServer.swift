import CGRPCShim
package import EPPCertificates
package import EPPExtProc
import EPPMetrics

/// The gRPC server of the process: ext_proc and health on one port, health alone on another.
///
/// Any thread may use it. Call `start` and then `drain`, once each.
package final class PickerServer: Sendable {
  /// Ports, threads and limits of a server.
  package struct Configuration: Sendable {
    /// IP literal of the address to bind; `0.0.0.0` and `::` stand for all interfaces.
    package var bindAddress: String
    /// Port of ext_proc and health; 0 binds a free port.
    package var port: Int
    /// Port of health alone; 0 binds a free port.
    package var healthPort: Int
    /// Threads at most that serve both ports; see `WorkerScaling`.
    package var workers: Int
    /// Cores per active worker above which another worker gets calls, 0...1.
    package var workerBusyShare: Double
    /// Whether several writes to one connection are sent with one system call; see `obstacleToGatheringWrites`.
    package var gathersWrites: Bool
    /// Certificate and key of the ext_proc port; nil serves plain text.
    package var tls: TLSIdentity?
    /// Bytes of one received gRPC message at most, on the ext_proc port.
    package var maximumReceiveMessageBytes: Int
    /// Open ext_proc streams per connection at most.
    package var maximumConcurrentStreams: Int
    /// Longest time that `drain` waits for connections to end.
    package var drainTimeout: Duration

    package init(
      bindAddress: String, port: Int, healthPort: Int, workers: Int, workerBusyShare: Double, gathersWrites: Bool,
      tls: TLSIdentity?, maximumReceiveMessageBytes: Int, maximumConcurrentStreams: Int, drainTimeout: Duration
    ) {
      self.bindAddress = bindAddress
      self.port = port
      self.healthPort = healthPort
      self.workers = workers
      self.workerBusyShare = workerBusyShare
      self.gathersWrites = gathersWrites
      self.tls = tls
      self.maximumReceiveMessageBytes = maximumReceiveMessageBytes
      self.maximumConcurrentStreams = maximumConcurrentStreams
      self.drainTimeout = drainTimeout
    }
  }

  /// Time between two counts of connections while the server drains.
  private static let countInterval = Duration.milliseconds(50)

  private let configuration: Configuration
  private let health: HealthState
  /// The threads that serve both ports. The gRPC core has one epoll set for all connections, so a separate thread for the
  /// health port would also get events of ext_proc connections and hand them over (measured: 88 instead of 67 µs per request of
  /// 1 KB).
  private let workers: WorkerGroup
  private let extProc: Listener
  private let healthOnly: Listener

  /// Binds both ports. Nothing is accepted before `start`.
  ///
  /// - Throws: `ServerError` when a port cannot be bound, or when the C core cannot use certificate and key.
  package init(
    configuration: Configuration, settings: ExtProcSettings, health: HealthState
  ) throws(ServerError) {
    epp_grpc_init()
    self.configuration = configuration
    self.health = health
    let workers = WorkerGroup(
      maximum: configuration.workers, busyShare: configuration.workerBusyShare,
      gathersWrites: configuration.gathersWrites, metrics: settings.metrics.transport)
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

  /// Returns why writes cannot be gathered on this system with this version of the gRPC core; nil when they can.
  ///
  /// Tests it on a connection of its own, which takes about a millisecond. Call it before a server is made.
  package static func obstacleToGatheringWrites() -> String? {
    unsafe epp_writes_obstacle().map { unsafe String(cString: $0) }
  }

  /// The version of the gRPC C core.
  package static var coreVersion: String { unsafe String(cString: epp_grpc_version()) }

  /// The bound port of ext_proc and health.
  package var port: Int { extProc.port }
  /// The bound port of health alone.
  package var healthPort: Int { healthOnly.port }

  /// Takes another certificate for connections to the ext_proc port from now on; open ones stay. The port has to serve TLS, and
  /// the identity has a client authority if that of the configuration has one. Any thread may call it.
  package func replace(_ identity: TLSIdentity) { extProc.replace(identity) }

  /// Starts the threads, which accept calls on both ports. Call it once, before `drain`.
  package func start() {
    extProc.start()
    healthOnly.start()
    workers.start(serving: [extProc, healthOnly])
  }

  /// Open connections to the ext_proc port, with or without streams. Inspects every open descriptor of the process.
  package var connectionCount: Int { extProc.connectionCount }

  /// Reports NOT_SERVING, and goes on accepting streams until the last connection to the ext_proc port is closed or the drain
  /// timeout has passed; then cancels all open streams and ends all threads. Call it once, after `start`.
  ///
  /// Cancelling the task has the effect of the drain timeout.
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

/// Why the server cannot start, in one sentence for the operator.
package struct ServerError: Error, CustomStringConvertible, Equatable {
  package let description: String

  /// Makes an error.
  package init(_ description: String) { self.description = description }
}
