import EPPCertificates
import EPPConfiguration
import EPPCore
import EPPDataLayer
import EPPMetrics
import EPPObservability
import EPPProcess
import EPPScheduling
import Logging
import NIOPosix
import NIOSSL
import RoutingProxy
import ServiceLifecycle

/// The components of a serving process, made from one configuration.
struct Sidecar {
  private let configuration: SidecarConfiguration
  private let environment: [String: String]
  private let output: LogOutput
  private let logger: Logger
  private let metrics = SidecarMetrics()
  private let targets: AllowedTargets
  /// The keys of session tokens and of the picker's signatures.
  private let sessionKeys = SessionKeyRing()
  private let routingKeys = SessionKeyRing()
  /// Exports traces; nil when none are recorded.
  private let traces: TraceExporter?

  init(_ configuration: SidecarConfiguration, environment: [String: String]) {
    self.configuration = configuration
    self.environment = environment
    output = LogOutput(
      format: configuration.log.style == .json ? .json : .text,
      verbosity: Verbosity(rawValue: configuration.log.verbosity))
    logger = output.logger(label: "sidecar")
    targets = AllowedTargets(configuration.targets.policy)
    traces =
      configuration.tracing
      ? TraceExporter.make(
        environment, service: "llm-d-routing-sidecar", scope: ("routing-sidecar", Version.current),
        series: metrics.traceSeries(), logger: output.logger(label: "traces"), now: MonotonicTime.now) : nil
  }

  /// Serves until a signal comes, then drains.
  ///
  /// - Throws: When a port cannot be opened, a certificate cannot be used, or there is no access to Kubernetes.
  func run(until signals: ProcessSignals) async throws {
    defer { output.flush() }
    let ended: Result<Void, any Error>
    do { ended = .success(try await serve(until: signals)) } catch { ended = .failure(error) }
    // An HTTP client that is released without a shutdown aborts the process, before the error is printed.
    await traces?.finish(within: .seconds(5))
    try ended.get()
    logger.info("stopped")
  }

  private func serve(until signals: ProcessSignals) async throws {
    ProcessSettings.prepare(logger)
    for warning in configuration.warnings { logger.warning("\(warning)") }
    let keys = try signingKeys()
    let certificates = try certificateFiles()
    let certificate = try certificates.map {
      try ServerCertificate($0.identity, of: "the port --port", protocols: ["h2", "http/1.1"])
    }
    let metricsCertificates = try configuration.listen.metricsCertificateFolder.map {
      folder throws(CertificateProblem) in
      try CertificateFiles(folder: (folder, "--metrics-cert-dir"), authority: nil)
    }
    let metricsCertificate = try metricsCertificates.map { try ServerCertificate($0.identity, of: "the metrics port") }
    var tls = ProxyTLS(engines: try engineContexts())
    if let certificate { tls.server = { certificate.current } }
    let pool = try configuration.targets.pool.map { settings throws(SidecarError) in
      try PoolMembers(
        settings, targets: targets, forbidden: configuration.targets.forbidden,
        logger: output.logger(label: "kubernetes"),
        environment: environment)
    }
    let threads = NIOThreadPool(numberOfThreads: 4)
    threads.start()
    let metricsPort = configuration.listen.metricsPort
    let metricsOpened = OneShotEvent()
    let proxy = ProxyService(
      configuration, tls: tls, shared: shared(threads), logger: logger,
      metrics: metricsPort > 0 ? (metricsPort, metricsOpened) : nil)
    var services: [any Service] = []
    if metricsPort > 0 { services.append(metricsServer(metricsCertificate) { _ in metricsOpened.signal() }) }
    if let pool { services.append(pool) }
    if let traces { services.append(TraceExportService(traces)) }
    for (files, rings) in keys {
      services.append(SigningKeyService(keys: files, logger: output.logger(label: "keys")) { rings })
    }
    if let certificates, let certificate, configuration.listen.certificateFolder != nil {
      services.append(
        CertificateService(files: certificates, name: "--cert-path", logger: output.logger(label: "tls")) {
          try certificate.replace($0)
        })
    }
    if let metricsCertificates, let metricsCertificate {
      services.append(
        CertificateService(files: metricsCertificates, name: "--metrics-cert-dir", logger: output.logger(label: "tls"))
        {
          try metricsCertificate.replace($0)
        })
    }
    // The last is shut down first.
    services.append(proxy)
    var group = ServiceGroupConfiguration(services: services, logger: output.logger(label: "lifecycle"))
    group.services.append(.init(service: signals.service, successTerminationBehavior: .gracefullyShutdownGroup))
    group.maximumGracefulShutdownDuration = configuration.listen.drainTimeout + .seconds(10)
    let ended: Result<Void, any Error>
    do { ended = .success(try await ServiceGroup(configuration: group).run()) } catch { ended = .failure(error) }
    await pool?.shutdown()
    try await threads.shutdownGracefully()
    try ended.get()
  }

  private func shared(_ threads: NIOThreadPool) -> ProxyShared {
    let resolver = HostResolver(threads: threads)
    var shared = ProxyShared(
      targets: targets,
      resolve: { host in ((try? await resolver.addresses(of: host)) ?? []).compactMap { IPAddress($0) } },
      buffers: BufferBudget(bytes: configuration.engine.maximumBufferedBytes),
      metrics: ProxyMetrics(
        metrics, configuration.disaggregation.connector, configuration.disaggregation.encodeConnector), logger: logger)
    shared.tracing = traces?.tracing
    shared.logsRequests = output.verbosity >= .verbose
    if configuration.targets.signingKeyFile != nil {
      let signature = RoutingSignature(routingKeys)
      shared.isSigned = { signature.isValid($0, now: $1) }
    }
    if let session = configuration.sessions {
      shared.identity = { [sessionKeys] now in
        sessionKeys.token(for: session.destination, timeToLive: session.timeToLive, now: now).map { token in
          session.cookie.map { ResponseCookie.field(name: $0, value: token) }
            ?? RequestHeaders.Field(name: session.header, value: token)
        }
      }
    }
    return shared
  }

  /// Reads the files with keys: each with the ring that takes its keys.
  private func signingKeys() throws(SigningKeyFiles.Problem) -> [(SigningKeyFiles, [String: SessionKeyRing])] {
    var keys: [(SigningKeyFiles, [String: SessionKeyRing])] = []
    let wanted = [
      ("session tokens", "--session-key-file", configuration.sessions?.keyFile, sessionKeys),
      ("signed headers", "--routing-key-file", configuration.targets.signingKeyFile, routingKeys),
    ]
    for (subject, flag, path, ring) in wanted {
      guard let path else { continue }
      var files = SigningKeyFiles(of: subject) { "\(flag) \($0)" }
      try files.readAll([path: ring])
      keys.append((files, [path: ring]))
    }
    return keys
  }

  /// Reads the certificate of the port for requests; nil for plain text.
  private func certificateFiles() throws(CertificateProblem) -> CertificateFiles? {
    guard configuration.listen.isSecure else { return nil }
    return try CertificateFiles(
      folder: configuration.listen.certificateFolder.map { ($0, "--cert-path") }, authority: nil)
  }

  /// The contexts of encrypted connections to engines.
  private func engineContexts() throws(SidecarError) -> [EngineRole: NIOSSLContext] {
    var contexts: [EngineRole: NIOSSLContext] = [:]
    for role in configuration.engine.encrypted {
      var settings = TLSConfiguration.makeClientConfiguration()
      settings.minimumTLSVersion = .tlsv12
      settings.applicationProtocols = ["http/1.1"]
      if configuration.engine.unchecked.contains(role) { settings.certificateVerification = .none }
      if let file = configuration.engine.authorityFile { settings.trustRoots = .file(file) }
      do { contexts[role] = try NIOSSLContext(configuration: settings) } catch {
        throw SidecarError("--engine-ca-file: \(configuration.engine.authorityFile ?? "") cannot be used: \(error)")
      }
    }
    return contexts
  }

  private func metricsServer(
    _ certificate: ServerCertificate?, onListening: @escaping @Sendable (Int) -> Void
  ) -> ObservabilityServer {
    ObservabilityServer(
      configuration: .init(
        host: configuration.listen.address, port: Int(configuration.listen.metricsPort), certificate: certificate),
      logger: output.logger(label: "metrics"), page: { [metrics] in metrics.page(of: .current()) },
      readiness: { .ready }, onListening: onListening)
  }
}

extension ObservabilityServer: Service {}
