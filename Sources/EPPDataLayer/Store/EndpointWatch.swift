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
    /// Times of the store; its staleness threshold is `--metrics-staleness-threshold`.
    package var store: EndpointStore.Configuration

    package init(
      endpoints: [EndpointAddress] = [], endpointsFile: String? = nil,
      scraping: ScrapeStateMachine.Configuration, store: EndpointStore.Configuration
    ) {
      self.endpoints = endpoints
      self.endpointsFile = endpointsFile
      self.scraping = scraping
      self.store = store
    }
  }

  /// Longest time that readiness waits for endpoints that do not answer.
  private static let longestStart = Duration.milliseconds(200)
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
          eventLoop: eventLoop, configuration: configuration.scraping, store: store, metrics: metrics,
          noteUnreachable: { discovery.noteUnreachable() }),
        eventLoop: eventLoop)
    }
    let scrapes = try await started.get()
    let observation = await store.observe { change in eventLoop.execute { scrapes.value.apply(change) } }

    @Sendable func signalAfterFirstAttempts(_ event: OneShotEvent) {
      // On the loop after the changes that the pass made.
      eventLoop.execute { scrapes.value.afterFirstAttempts { event.signal() } }
      eventLoop.scheduleTask(in: .nanoseconds(Self.longestStart.wholeNanoseconds)) { event.signal() }
    }
    await withDiscardingTaskGroup { tasks in
      for source in others { tasks.addTask { await source.run() } }
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
    try await eventLoop.submit { scrapes.value.stop() }.get()
    // Not waited for: a thread may hang in the system's resolver for half a minute.
    threads.shutdownGracefully { _ in }
    try await group.shutdownGracefully()
  }
}
