import EPPCore
import EPPProcess
import Logging
import NIOCore
import NIOPosix
import RoutingProxy
import ServiceLifecycle

/// Runs the proxy as a service: a port for each rank of the model server. Requests get time to end at shutdown.
struct ProxyService: Service {
  private let configuration: SidecarConfiguration
  private let tls: ProxyTLS
  private let shared: ProxyShared
  private let logger: Logger
  /// The port of the metrics server, and when it is open; nil without that server.
  private let metrics: (port: UInt16, opened: OneShotEvent)?

  init(
    _ configuration: SidecarConfiguration, tls: ProxyTLS, shared: ProxyShared, logger: Logger,
    metrics: (port: UInt16, opened: OneShotEvent)?
  ) {
    self.configuration = configuration
    self.tls = tls
    self.shared = shared
    self.logger = logger
    self.metrics = metrics
  }

  func run() async throws {
    if let metrics {
      // Whoever is told that the sidecar has started may ask for its metrics at once.
      let isOpen = await cancelWhenGracefulShutdown { await metrics.opened.wait() }
      guard isOpen else { return }
    }
    let group = MultiThreadedEventLoopGroup(numberOfThreads: configuration.listen.threads)
    var proxies: [ProxyServer] = []
    do {
      for rank in 0..<configuration.engine.ranks { proxies.append(try await start(rank, group)) }
    } catch {
      for proxy in proxies { await proxy.stop(within: .zero) }
      try await group.shutdownGracefully()
      throw error
    }
    announce(proxies)
    await Self.waitForShutdown()
    logger.info("draining")
    await withTaskGroup(of: Void.self) { tasks in
      for proxy in proxies { tasks.addTask { await proxy.stop(within: configuration.listen.drainTimeout) } }
    }
    try await group.shutdownGracefully()
  }

  private func start(_ rank: Int, _ group: MultiThreadedEventLoopGroup) async throws -> ProxyServer {
    let listen = configuration.listen
    let port = listen.port == 0 ? 0 : Int(listen.port) + rank
    do {
      return try await ProxyServer.start(
        settings, router(rank), shared, tls: tls, host: listen.address, port: port, on: group)
    } catch is SocketAddressError.UnknownHost {
      throw SidecarError(
        "--bind-address \(listen.address): there is no such address; give one of this machine, such as 0.0.0.0")
    } catch let error as IOError {
      throw SidecarError("--port \(port): cannot listen on \(listen.address): \(error); choose another port")
    }
  }

  private var settings: ProxySettings {
    var settings = ProxySettings()
    settings.maximumRequestBytes = configuration.engine.maximumRequestBytes
    settings.maximumIdleConnections = configuration.engine.maximumIdleConnections
    settings.disaggregation = configuration.disaggregation
    return settings
  }

  private func router(_ rank: Int) -> RequestRouter {
    let (names, samples) = (names, configuration.samplesPrefillers)
    return RequestRouter(
      engine: engine(rank), ranks: configuration.engine.ranks > 1 ? names : [],
      encodes: configuration.disaggregation.encodeConnector != nil,
      fetchesFromPeers: configuration.disaggregation.fetchesFromPeers, own: names.isEmpty ? nil : names[rank].name,
      picksPrefiller: { samples ? Int.random(in: 0..<$0) : 0 })
  }

  private func engine(_ rank: Int) -> EndpointAddress {
    var engine = configuration.engine.address
    engine.port += UInt16(rank)
    return engine
  }

  /// The names of ranks in headers: the pod's address with the port of each.
  private var names: [RequestRouter.Rank] {
    guard let pod = configuration.engine.podAddress else { return [] }
    return (0..<configuration.engine.ranks).map { rank in
      RequestRouter.Rank(
        name: EndpointAddress(host: pod, port: configuration.listen.port + UInt16(rank)), engine: engine(rank))
    }
  }

  /// Prints one line with all ports. With port 0 it is the only place that shows them.
  private func announce(_ proxies: [ProxyServer]) {
    let listen = configuration.listen
    let host = listen.address.contains(":") ? "[\(listen.address)]" : listen.address
    let ports = proxies.map { "\(host):\($0.port)" }.joined(separator: ", ")
    let metrics = metrics.map { ", metrics on \(host):\($0.port)" } ?? ""
    StandardError.write(
      "routing-sidecar: serving \(listen.isSecure ? "HTTPS" : "HTTP") on \(ports) for \(configuration.engine.address), "
        + "connector \(configuration.disaggregation.connector.rawValue)\(metrics)\n")
  }
}
