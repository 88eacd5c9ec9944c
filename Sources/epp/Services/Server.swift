import EPPCertificates
import EPPConfiguration
import EPPCore
import EPPDataLayer
import EPPExtProc
import EPPGRPCServer
import EPPKVEvents
import EPPKubernetes
import EPPMetrics
import EPPObservability
import EPPPrefixCache
import EPPProcess
import EPPRouting
import EPPScheduling
import EPPTokens
import FoundationEssentials
import Glibc
import Logging
import ServiceLifecycle
import ZeroMQ

/// The components of a serving process, made from one configuration.
struct Server {
  private let configuration: ServeConfiguration
  private let environment: [String: String]
  /// Reads the flags and another text of the configuration file.
  private let read: @Sendable (_ text: String) throws(ConfigurationProblems) -> ServeConfiguration
  private let output: LogOutput
  private let logger: Logger
  private let metrics: PickerMetrics
  private let watch: EndpointWatch
  /// Discovery and election in Kubernetes; nil when the flags name no pods.
  private let kubernetes: KubernetesCluster?
  private let pool: RoutedPool
  private let routing: RunningRouting
  private let running: RunningConfiguration
  private let states: PluginStates
  /// Receives KV events; nil in the mode `approximate`.
  private let events: KVEventSubscriber?
  /// Finds token ids; nil when texts are matched by their bytes.
  private let tokens: TokenSource?
  /// The sessions of all configurations.
  private let sessions: SessionServices
  /// The keys that sign headers to sidecars, and their file; nil when headers are not signed.
  private let routingKey: (path: String, ring: SessionKeyRing)?
  /// Keeps the index in a file; nil when there is none.
  private let snapshots: SnapshotService?
  private let health: HealthState
  /// Exports traces; nil when none are recorded.
  private let traces: TraceExporter?

  /// Makes the components, and reads the index snapshot.
  ///
  /// - Parameters:
  ///   - arguments: The arguments of the process, without its name.
  ///   - environment: The environment variables of the process.
  ///   - read: Reads the same flags with another text of the configuration file.
  /// - Throws: `ServerError` when the secret of block keys or the access to Kubernetes cannot be read, or when the socket of
  ///   KV events cannot be opened.
  init(
    _ configuration: ServeConfiguration, arguments: [String], environment: [String: String],
    read: @escaping @Sendable (_ text: String) throws(ConfigurationProblems) -> ServeConfiguration
  ) throws {
    self.configuration = configuration
    self.read = read
    self.environment = environment
    output = LogOutput(
      format: configuration.observability.logStyle == .json ? .json : .text,
      verbosity: Verbosity(rawValue: configuration.observability.verbosity))
    logger = output.logger(label: "epp")

    var metricsOptions = PickerMetrics.Options()
    metricsOptions.legacyMetrics = configuration.observability.legacyMetrics
    metricsOptions.streamMetrics = configuration.observability.streamMetrics
    metricsOptions.limits.fairnessIDs = configuration.observability.fairnessIDLimit
    metricsOptions.poolName = configuration.endpoints.poolName
    metricsOptions.buildReference = Version.current
    let loadProducer = configuration.scheduling.scheduler.plugins.first {
      $0.descriptor == InFlightLoadProducer.descriptor
    }
    metricsOptions.pluginLabels.loadProducer = loadProducer?.name ?? InFlightLoadProducer.descriptor.type
    metricsOptions.pluginLabels.dataSource = MetricsDataSource.descriptor.type
    metricsOptions.pluginLabels.extractor = CoreMetricsExtractor.descriptor.type
    metrics = PickerMetrics(options: metricsOptions)

    watch = EndpointWatch(
      configuration: try EndpointWatch.Configuration(configuration.endpoints), metrics: metrics, logger: logger)

    let seed = try HashSecret.seed(configuration.cache)
    var limits = PrefixIndex.Limits()
    limits.maximumBytes = configuration.cache.maximumIndexBytes
    limits.defaultBlocks = max(1, configuration.scheduling.prefix.defaultTokens / limits.textBlockTokens)
    let index = PrefixIndex(limits: limits, hasher: BlockHasher(seed: seed))
    let pending = PendingSnapshots()
    snapshots = configuration.cache.snapshotFile.map { [watch, output] path in
      SnapshotService(
        snapshots: IndexSnapshots(path: path, index: index, seed: seed), pending: pending, store: watch.store,
        logger: output.logger(label: "snapshot"))
    }
    snapshots?.read()
    events = try Self.events(configuration.cache, index, metrics, output.logger(label: "kv-events"), pending)
    // Made after everything else that may throw: its HTTP client must not be released without a shutdown.
    kubernetes = try configuration.endpoints.kubernetes.map { [watch, metrics, output] settings in
      try KubernetesCluster(
        settings, store: watch.store, metrics: metrics, logger: output.logger(label: "kubernetes"),
        environment: environment)
    }
    let sessionLogger = output.logger(label: "sessions")
    sessions = SessionServices { sessionLogger.warning("\($0)") }
    let election = kubernetes?.election
    health = HealthState(isLeader: election.map { election in { @Sendable in election.isLeader } })
    tokens =
      events == nil || configuration.cache.tokenOrigin == .none
      ? nil
      : TokenSource(
        configuration: TokenSourceConfiguration(configuration.cache), metrics: metrics,
        logger: output.logger(label: "tokens"), now: MonotonicTime.now)
    traces =
      configuration.observability.tracing
      ? TraceExporter.make(
        environment, service: "llm-d-epp", scope: ("epp", Version.current), series: metrics.traceSeries(),
        logger: output.logger(label: "traces"), now: MonotonicTime.now) : nil
    routingKey = configuration.scheduling.routingKeyFile.map { ($0, SessionKeyRing()) }
    let assembly = RoutingAssembly(
      seed: seed, metrics: metrics, sessions: sessions, findsTokens: tokens != nil)
    pool = RoutedPool(
      configuration: assembly.make(configuration),
      source: watch.store, index: index, events: events ?? NoCacheEvents(),
      tokens: tokens.map { RequestTokens(source: $0) }, metrics: metrics, decisions: DecisionLog(output: output),
      clock: MonotonicTime.now)
    routing = RunningRouting(
      configuration, pipeline: pool.pipeline, assembly: assembly, logger: output.logger(label: "admin"))
    running = RunningConfiguration(
      ConfigurationReport(configuration, arguments: arguments, time: Date()), pipeline: pool.pipeline)
    states = PluginStates(
      pipeline: pool.pipeline,
      others: [configuration.scheduling.prefixProducer.name: PrefixIndexState(index: index, store: watch.store)])
  }

  private static func events(
    _ settings: CacheSettings, _ index: PrefixIndex, _ metrics: PickerMetrics, _ logger: Logger,
    _ pending: PendingSnapshots
  ) throws -> KVEventSubscriber? {
    guard let configuration = KVEventsConfiguration(settings) else { return nil }
    do {
      return try KVEventSubscriber(
        configuration: configuration, index: index, metrics: metrics, logger: logger,
        adoption: RecomputedHashAdoption.init,
        resuming: { pending.takeAnnounced(of: $0, rank: $1) }, now: MonotonicTime.now)
    } catch {
      throw ServerError(settings.eventsBind == nil ? "KV events: \(error)" : "--kv-events-bind: \(error)")
    }
  }

  /// Serves until a signal comes, then drains.
  ///
  /// - Throws: `ServerError`, `ObservabilityServerError` and `AdminServerError` when a port cannot be opened or a key of session tokens
  ///   cannot be read, `CertificateProblem` when a certificate cannot be used.
  func run(until signals: ProcessSignals) async throws {
    defer { output.flush() }
    do {
      try await serve(until: signals)
    } catch {
      // An HTTP client that is released without a shutdown aborts the process, before the error is printed.
      await shutdownClients()
      throw error
    }
    await shutdownClients()
    logger.info("stopped")
  }

  private func shutdownClients() async {
    await tokens?.shutdown()
    await kubernetes?.shutdown()
    await traces?.finish(within: .seconds(5))
  }

  private func serve(until signals: ProcessSignals) async throws {
    ProcessSettings.prepare(logger)
    for warning in configuration.warnings { logger.warning("\(warning)") }
    let budget = BodyBudget(limit: configuration.limits.maximumBufferedBytes)
    var sessionKeys = SigningKeyFiles(of: "session tokens") { "the keyFile \($0) of session tokens" }
    let routingKeys = try routingKeyFiles()
    try sessionKeys.readAll(sessions.keyRings)
    let certificates = try certificateFiles()
    let metricsCertificates = try metricsCertificateFiles()
    // Made before the picker, whose ports must not go without having been closed.
    let metricsCertificate = try metricsCertificates.map { try ServerCertificate($0.identity, of: "the metrics port") }
    let picker = try makePicker(budget, certificates?.identity)

    let observation = await watch.store.observe { [pool, events, snapshots] change in
      if case .added(let endpoint, load: _) = change, let routed = snapshots?.pending.takeRouted(of: endpoint) {
        pool.restore(routed, to: endpoint)
      }
      events?.apply(change)
      if case .removed(let endpoint) = change { pool.remove(endpoint) }
    }
    let ports = PortAnnouncement(picker: picker, address: configuration.listening.bindAddress)
    let admin = AdminPlace { ports.adminSettled($0) }
    var services: [any Service] = [
      EndpointService(
        watch: watch, others: kubernetes.map { [pool] in [$0.source { pool.pipeline.rules = $0 }] } ?? []),
      observability(budget, ports, admin, metricsCertificate),
      administration(admin),
      UpkeepService(upkeep: pool.upkeep),
      configurationService(signals),
      SigningKeyService(keys: sessionKeys, logger: output.logger(label: "sessions")) { [sessions] in sessions.keyRings
      },
      PickerService(picker: picker, watch: watch, health: health, ports: ports, logger: logger),
    ]
    if let traces { services.append(TraceExportService(traces)) }
    if let snapshots { services.insert(snapshots, at: 1) }
    if let routingKeys, let routingKey {
      services.append(
        SigningKeyService(keys: routingKeys, logger: output.logger(label: "routing")) {
          [routingKey.path: routingKey.ring]
        })
    }
    if let certificates, configuration.tls.reloads {
      services.append(
        CertificateService(files: certificates, name: "--cert-path", logger: output.logger(label: "tls")) {
          picker.replace($0)
        })
    }
    if let metricsCertificates, let metricsCertificate {
      services.append(
        CertificateService(files: metricsCertificates, name: "--metrics-cert-dir", logger: output.logger(label: "tls"))
        {
          try metricsCertificate.replace($0)
        })
    }
    // The last is shut down first: the lease is given up when draining begins.
    if let election = kubernetes?.election {
      services.append(ElectionService(election: election, health: health))
    }
    var group = ServiceGroupConfiguration(services: services, logger: output.logger(label: "lifecycle"))
    group.services.append(
      .init(service: signals.service, successTerminationBehavior: .gracefullyShutdownGroup))
    group.maximumGracefulShutdownDuration = configuration.listening.drainTimeout + .seconds(30)
    var failure: (any Error)?
    do {
      try await ServiceGroup(configuration: group).run()
    } catch {
      failure = error
    }
    await watch.store.endObservation(observation)
    events?.stop()
    if let failure { throw failure }
  }

  private func configurationService(_ signals: ProcessSignals) -> ConfigurationService {
    let series = metrics.reloadSeries()
    series.setLoaded(at: Date().timeIntervalSince1970)
    return ConfigurationService(
      path: configuration.text?.path, watches: configuration.scheduling.watchesFile, hangups: signals.hangups,
      read: read, routing: routing, running: running, series: series, logger: output.logger(label: "configuration"))
  }

  /// Reads the keys that sign headers to sidecars; nil for none.
  private func routingKeyFiles() throws(SigningKeyFiles.Problem) -> SigningKeyFiles? {
    guard let routingKey else { return nil }
    var files = SigningKeyFiles(of: "signed headers") { "--routing-key-file \($0)" }
    try files.readAll([routingKey.path: routingKey.ring])
    return files
  }

  /// Reads the certificate of the ext_proc port; nil for plain text.
  private func certificateFiles() throws(CertificateProblem) -> CertificateFiles? {
    let tls = configuration.tls
    guard tls.isSecure else { return nil }
    return try CertificateFiles(
      folder: tls.certificateFolder.map { ($0, "--cert-path") },
      authority: tls.clientAuthorityFile.map { ($0, "--grpc-client-ca-file") })
  }

  /// Reads the certificate of the metrics port; nil for plain text.
  private func metricsCertificateFiles() throws(CertificateProblem) -> CertificateFiles? {
    let settings = configuration.observability
    guard let folder = settings.certificateFolder else { return nil }
    return try CertificateFiles(
      folder: (folder, "--metrics-cert-dir"),
      authority: settings.clientAuthorityFile.map { ($0, "--metrics-client-ca-file") })
  }

  private func makePicker(_ budget: BodyBudget, _ tls: TLSIdentity?) throws -> PickerServer {
    var settings = ExtProcSettings(
      pipeline: pool.pipeline, metrics: metrics,
      limits: StreamLimits(maximumRequestBodyBytes: configuration.limits.maximumRequestBodyBytes), budget: budget,
      requestDeadline: configuration.limits.requestDeadline,
      responseProcessing: configuration.limits.responseProcessing, logger: logger)
    if let routingKey {
      let signature = RoutingSignature(routingKey.ring)
      settings.sign = { signature.field(for: $0, now: $1) }
    }
    settings.tracing = traces?.tracing
    return try PickerServer(
      configuration: PickerServer.Configuration(
        bindAddress: configuration.listening.bindAddress, port: configuration.listening.grpcPort,
        healthPort: configuration.listening.healthPort,
        workers: configuration.listening.workers, workerBusyShare: configuration.listening.workerBusyShare,
        gathersWrites: gathersWrites(), tls: tls,
        maximumReceiveMessageBytes: configuration.listening.maximumReceiveMessageBytes,
        maximumConcurrentStreams: configuration.listening.maximumConcurrentStreams,
        drainTimeout: configuration.listening.drainTimeout),
      settings: settings, health: health)
  }

  private func gathersWrites() -> Bool {
    guard configuration.listening.gathersWrites else { return false }
    guard let obstacle = PickerServer.obstacleToGatheringWrites() else { return true }
    logger.warning("answers leave one by one, which costs up to half as much CPU again: \(obstacle)")
    return false
  }

  private func observability(
    _ budget: BodyBudget, _ ports: PortAnnouncement, _ admin: AdminPlace, _ certificate: ServerCertificate?
  ) -> ObservabilityServer {
    ObservabilityServer(
      configuration: ObservabilityServer.Configuration(
        host: configuration.listening.bindAddress, port: configuration.listening.metricsPort,
        certificate: certificate),
      logger: output.logger(label: "metrics"),
      page: { [metrics, watch, tokens, kubernetes, pool, sessions] in
        tokens?.refreshMetrics()
        kubernetes?.refreshMetrics()
        metrics.bufferedBodyBytes.set(budget.heldBytes)
        let snapshot = watch.store.currentSnapshot()
        sessions.refreshMetrics(metrics, snapshot, now: .now())
        metrics.refreshPool(snapshot, now: .now())
        let saturation = pool.pipeline.configuration.scheduler.saturation(of: snapshot)
        metrics.setSaturation(
          detector: pool.pipeline.configuration.scheduler.configuration.detector.name, prefill: saturation.prefill,
          decode: saturation.decode ?? saturation.effective, effective: saturation.effective,
          staleEndpoints: snapshot.members.count(where: \.isStale))
        return metrics.page(of: .current())
      },
      readiness: { [health, watch, configuration] in
        if health.isServing { return .ready }
        let reason =
          switch configuration.endpoints.kubernetes?.target {
          case _ where health.isStandby: "another replica leads, and this one stands by"
          case _ where watch.hasReadSources: "starting or draining"
          case .pool(let name, _): "the InferencePool '\(name)' or its pods have not been found yet"
          case .pods: "the pods have not been listed yet"
          case nil where configuration.endpoints.file != nil: "the endpoints file has not been read yet"
          case nil: "starting or draining"
          }
        return .notReady(reason: reason + ": no requests should come here now")
      },
      access: configuration.observability.authenticates ? kubernetes?.reviewer.decide : nil,
      adminAddress: { admin.address },
      onListening: { port in ports.metricsListening(port) })
  }

  private func administration(_ place: AdminPlace) -> AdminService {
    var documents: [String: @Sendable () -> [UInt8]] = [
      "/debug/plugins/state": { [states] in states.document() },
      "/debug/config": { [running] in running.document() },
      "/weights": { [routing] in JSONDocument.bytes(of: routing.report) },
    ]
    if let events { documents["/debug/kv-events"] = { events.page() } }
    return AdminService(
      configuration.admin, place: place, environment: environment, logger: output.logger(label: "admin"),
      documents: documents, actions: ["/weights": .weights { [routing] in routing.change($0) }])
  }
}

extension ObservabilityServer: Service {}

extension TokenSourceConfiguration {
  /// The limits that the configuration does not change, with its render service.
  fileprivate init(_ settings: CacheSettings) {
    self.init()
    guard let service = settings.renderService else { return }
    self.service = Service(address: service.address, isSecure: service.isSecure)
    renderTimeout = service.timeout
  }
}
