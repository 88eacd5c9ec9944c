import EPPConfiguration
import EPPCore
import EPPDataLayer
import EPPExtProc
import EPPGRPCServer
import EPPMetrics
import EPPObservability
import EPPPrefixCache
import EPPRouting
import EPPScheduling
import Glibc
import Logging
import ServiceLifecycle

/// The parts of a serving process, put together from one configuration.
struct Server {
  private let configuration: ServeConfiguration
  private let output: LogOutput
  private let logger: Logger
  private let metrics: PickerMetrics
  private let watch: EndpointWatch
  private let pool: Pool
  private let health = HealthState()

  init(_ configuration: ServeConfiguration) {
    self.configuration = configuration
    output = LogOutput(
      format: configuration.logStyle == .json ? .json : .text, verbosity: Verbosity(rawValue: configuration.verbosity))
    logger = output.logger(label: "epp")

    var metricsOptions = PickerMetrics.Options()
    metricsOptions.legacyMetrics = configuration.legacyMetrics
    metricsOptions.streamMetrics = configuration.streamMetrics
    metricsOptions.poolName = configuration.poolName
    metricsOptions.buildReference = Version.current
    metrics = PickerMetrics(options: metricsOptions)

    watch = EndpointWatch(
      configuration: EndpointWatch.Configuration(
        endpoints: configuration.endpoints, endpointsFile: configuration.endpointsFile,
        scraping: ScrapeStateMachine.Configuration(interval: configuration.refreshInterval),
        store: EndpointStore.Configuration(stalenessThreshold: configuration.stalenessThreshold)),
      metrics: metrics, logger: logger)

    let seed = HashSeed.random()
    var limits = PrefixIndex.Limits()
    limits.defaultBlocks = max(1, configuration.prefix.defaultTokens / limits.textBlockTokens)
    var poolConfiguration = Pool.Configuration()
    poolConfiguration.maximumPrefixTokens = configuration.prefix.maximumTokens
    poolConfiguration.defaultCacheTokens = configuration.prefix.defaultTokens
    poolConfiguration.learnsCacheSize = configuration.prefix.learnsCacheSize
    poolConfiguration.emitsScores = configuration.emitsScores
    poolConfiguration.ignoresSubset = configuration.ignoresSubset
    pool = Pool(
      configuration: poolConfiguration, source: watch.store,
      index: PrefixIndex(limits: limits, hasher: BlockHasher(seed: seed)),
      profile: SchedulingProfile(
        configuration.profile, seed: seed, timing: PluginTiming(metrics: metrics, now: MonotonicTime.now)),
      metrics: metrics,
      decisions: DecisionLog(output: output))
  }

  /// Serves until a signal comes, then drains.
  func run(until signals: TerminationSignals) async throws {
    defer { output.flush() }
    ProcessSettings.prepare(logger)
    for warning in configuration.warnings { logger.warning("\(warning)") }
    let budget = BodyBudget(limit: configuration.maximumBufferedBytes)
    let picker = try makePicker(budget)

    let observation = watch.store.observe { [pool] change in
      if case .removed(let endpoint) = change { pool.remove(endpoint) }
    }
    defer { watch.store.endObservation(observation) }

    let ports = PortAnnouncement(picker: picker, address: configuration.bindAddress)
    let services: [any Service] = [
      EndpointService(watch: watch),
      observability(budget, ports),
      PoolUpkeep(pool: pool),
      PickerService(picker: picker, watch: watch, health: health, ports: ports),
    ]
    var group = ServiceGroupConfiguration(services: services, logger: output.logger(label: "lifecycle"))
    group.services.append(
      .init(service: signals.service, successTerminationBehavior: .gracefullyShutdownGroup))
    group.maximumGracefulShutdownDuration = configuration.drainTimeout + .seconds(30)
    try await ServiceGroup(configuration: group).run()
    logger.info("stopped")
  }

  private func makePicker(_ budget: BodyBudget) throws -> PickerServer {
    var tls: TLSIdentity?
    if configuration.isSecure {
      tls = try configuration.certificateFolder.map { try TLSIdentity(folder: $0) } ?? .selfSigned()
    }
    let settings = ExtProcSettings(
      pool: pool, metrics: metrics,
      limits: StreamLimits(maximumRequestBodyBytes: configuration.maximumRequestBodyBytes), budget: budget,
      requestDeadline: configuration.requestDeadline, responseProcessing: configuration.responseProcessing,
      interest: HeaderInterest(additional: pool.profile.headerNames), logger: logger)
    return try PickerServer(
      configuration: PickerServer.Configuration(
        bindAddress: configuration.bindAddress, port: configuration.grpcPort, healthPort: configuration.healthPort,
        workers: configuration.workers, tls: tls,
        maximumReceiveMessageBytes: configuration.maximumReceiveMessageBytes,
        maximumConcurrentStreams: configuration.maximumConcurrentStreams, drainTimeout: configuration.drainTimeout),
      settings: settings, health: health)
  }

  private func observability(_ budget: BodyBudget, _ ports: PortAnnouncement) -> ObservabilityServer {
    ObservabilityServer(
      configuration: ObservabilityServer.Configuration(
        host: configuration.bindAddress, port: configuration.metricsPort),
      logger: output.logger(label: "metrics"),
      page: { [metrics, watch] in
        metrics.bufferedBodyBytes.set(budget.heldBytes)
        metrics.refreshPool(watch.store.currentSnapshot(), now: .now())
        return metrics.page()
      },
      readiness: { [health] in
        health.isServing ? .ready : .notReady(reason: "starting or draining: no requests should come here now")
      },
      onListening: { port in ports.metricsListening(port) })
  }
}

extension ObservabilityServer: Service {}
