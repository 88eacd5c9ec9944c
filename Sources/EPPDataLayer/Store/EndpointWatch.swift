package import EPPCore
package import EPPMetrics
package import Logging
import NIOCore
import NIOPosix

/// Discovers and scrapes the pool's endpoints, and holds the snapshot that requests read. Any thread may use it.
///
/// Owns the store, one event loop for all scraping, and a few threads for blocking calls to name servers and the file system.
/// Endpoints of other sources (Kubernetes) are scraped too.
package final class EndpointWatch: Sendable {
  /// Where endpoints come from and how they are scraped.
  package struct Configuration: Sendable {
    /// Addresses given with `--endpoint`.
    package var endpoints: [EndpointAddress]
    /// Path given with `--endpoints-file`; nil when there is none.
    package var endpointsFile: String?
    /// Times of scraping; its interval is `--refresh-metrics-interval`.
    package var scraping: ScrapeStateMachine.Configuration
    /// How metrics pages are read.
    package var page = PageReading.metrics
    /// How the endpoints' lists of models are read; nil when they are not.
    package var models: PolledPage?
    /// How the pages of DCGM exporters are read; nil when they are not.
    package var gpus: PolledPage?
    /// Which metrics are read of which endpoints.
    package var engines: EngineMetricSettings
    /// Times of the store; its staleness threshold is `--metrics-staleness-threshold`.
    package var store: EndpointStore.Configuration

    package init(
      endpoints: [EndpointAddress] = [], endpointsFile: String? = nil,
      scraping: ScrapeStateMachine.Configuration, engines: EngineMetricSettings = EngineMetricSettings(),
      store: EndpointStore.Configuration
    ) {
      self.endpoints = endpoints
      self.endpointsFile = endpointsFile
      self.scraping = scraping
      self.engines = engines
      self.store = store
    }
  }

  /// Longest time that readiness waits for endpoints that do not answer.
  private static let longestStart = Duration.milliseconds(200)
  /// Time between two looks at the files of certificates.
  private static let certificateInterval = Duration.seconds(1)
  /// Threads for blocking calls, and thus host names that are resolved at one time.
  private static let resolverThreads = 4

  /// Keeps membership and metrics; the source of snapshots.
  package let store: EndpointStore
  private let configuration: Configuration
  private let metrics: PickerMetrics
  private let logger: Logger
  private let ready = OneShotEvent()
  private let sourcesRead = OneShotEvent()

  /// Prepares the watch; nothing is opened before `run`.
  package init(configuration: Configuration, metrics: PickerMetrics, logger: Logger) {
    self.configuration = configuration
    self.metrics = metrics
    self.logger = logger
    store = EndpointStore(configuration: configuration.store, logger: logger)
  }

  /// Waits until the first scrape of every endpoint found at the start has ended, with success or failure, or until 200 ms
  /// after the endpoints were found; at the latest until `run` ends. Does not return when `run` is never called.
  package func waitUntilReady() async { await ready.wait() }

  /// Whether every source has been read once and its endpoints have been scraped, or 200 ms have passed since. Stays false
  /// while the endpoints file is missing or broken, or while a pool is not found; stays true when it disappears later.
  package var hasReadSources: Bool { sourcesRead.isSignalled }

  /// Waits until `hasReadSources` is true, or until the task is cancelled. Returns `hasReadSources`.
  package func waitUntilSourcesRead() async -> Bool { await sourcesRead.wait() }

  /// Discovers and scrapes until the task is cancelled, then closes all connections, ends its threads and returns. Call it
  /// once.
  ///
  /// - Parameter others: Sources that put endpoints into `store` themselves. They run until the task is cancelled too.
  /// - Throws: Errors of the event loop.
  package func run(_ others: [any EndpointSource] = []) async throws {
    defer { ready.signal() }
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let threads = NIOThreadPool(numberOfThreads: Self.resolverThreads)
    threads.start()
    let discovery = EndpointDiscovery(
      endpoints: configuration.endpoints, file: configuration.endpointsFile, store: store, threads: threads,
      logger: logger)
    let eventLoop = group.next()
    let started = eventLoop.submit { [configuration, store, metrics] in
      NIOLoopBound(
        ScrapeLoop(
          eventLoop: eventLoop, configuration: configuration.scraping, page: configuration.page,
          engines: configuration.engines, store: store, metrics: metrics,
          noteUnreachable: { discovery.noteUnreachable() }),
        eventLoop: eventLoop)
    }
    let scrapes = try await started.get()
    let polls = try await startPolls(eventLoop)
    let observation = await store.observe { change in
      eventLoop.execute {
        scrapes.value.apply(change)
        polls.value.apply(change)
      }
    }

    @Sendable func signalAfterFirstAttempts(_ event: OneShotEvent) {
      // On the loop after the changes that the pass made.
      eventLoop.execute { scrapes.value.afterFirstAttempts { event.signal() } }
      eventLoop.scheduleTask(in: .nanoseconds(Self.longestStart.wholeNanoseconds)) { event.signal() }
    }
    await withDiscardingTaskGroup { tasks in
      for source in others { tasks.addTask { await source.run() } }
      for page in [configuration.page, configuration.models?.page, configuration.gpus?.page] {
        if let certificates = page?.certificates { tasks.addTask { [self] in await follow(certificates, threads) } }
      }
      let ownRead = OneShotEvent()
      tasks.addTask { [sourcesRead] in
        for source in others where await !source.waitUntilRead() { return }
        if await ownRead.wait() { signalAfterFirstAttempts(sourcesRead) }
      }
      await discovery.run(
        afterFirstPass: { [ready] in signalAfterFirstAttempts(ready) }, afterFirstReading: { ownRead.signal() })
      // It returns when the task is cancelled, which cancels the other tasks of the group too.
    }

    await store.endObservation(observation)
    try await eventLoop.submit {
      scrapes.value.stop()
      polls.value.stop()
    }.get()
    // Not waited for: a thread may hang in the system's resolver for half a minute.
    threads.shutdownGracefully { _ in }
    try await group.shutdownGracefully()
  }

  /// Readers of the pages beside the metrics pages.
  private struct Polls {
    var models: PagePolls<ModelListReader>?
    var gpus: PagePolls<MetricsPageScanner>?

    func apply(_ change: EndpointChange) {
      models?.apply(change)
      gpus?.apply(change)
    }

    func stop() {
      models?.stop()
      gpus?.stop()
    }
  }

  private func startPolls(_ eventLoop: any EventLoop) async throws -> NIOLoopBound<Polls> {
    try await eventLoop.submit { [configuration, store, metrics] in
      var polls = Polls()
      if let models = configuration.models {
        polls.models = PagePolls(
          models, eventLoop: eventLoop, metrics: metrics, makeReader: { _ in ModelListReader() },
          record: { store.record(models: $0, for: $1) })
      }
      if let gpus = configuration.gpus {
        polls.gpus = PagePolls(
          gpus, eventLoop: eventLoop, metrics: metrics,
          makeReader: { MetricsPageScanner(EnginePageLayout(gpusOf: $0.podName)) },
          record: { store.record($0.attributes, for: $1) })
      }
      return NIOLoopBound(polls, eventLoop: eventLoop)
    }.get()
  }

  /// Looks at the files of certificates until the task is cancelled.
  private func follow(_ certificates: PageCertificates, _ threads: NIOThreadPool) async {
    while (try? await Task.sleep(for: Self.certificateInterval)) != nil {
      guard let look = try? await threads.runIfActive({ certificates.look() }) else { return }
      switch look {
      case .unchanged: break
      case .replaced: logger.notice("new connections to metrics pages use the new certificates")
      case .problem(let problem):
        logger.warning("\(problem); connections to metrics pages use the certificates of before")
      }
    }
  }
}
