package import EPPCore
package import EPPMetrics
package import Logging
import NIOCore
import NIOPosix

/// Keeps watch over the pool's endpoints: finds them, scrapes them, and holds the snapshot that requests read.
///
/// Owns one event loop for all scraping, a few threads that may block on name servers and files, and the store. Endpoints of other
/// origin (Kubernetes) are put into `store` by whoever finds them and are scraped all the same.
package final class EndpointWatch: Sendable {
  /// Where endpoints come from and how they are scraped.
  package struct Configuration: Sendable {
    /// What `--endpoint` names.
    package var endpoints: [EndpointAddress]
    /// `--endpoints-file`.
    package var endpointsFile: String?
    /// `--refresh-metrics-interval` and the times around it.
    package var scraping: ScrapeStateMachine.Configuration
    /// `--metrics-staleness-threshold` and the pace of snapshots.
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

  /// How long readiness waits for endpoints that do not answer.
  private static let longestStart = Duration.milliseconds(200)
  /// Threads for name servers: so many answers may be awaited at one time.
  private static let resolverThreads = 4

  /// Membership and metrics; the source of snapshots.
  package let store: EndpointStore
  private let configuration: Configuration
  private let metrics: PickerMetrics
  private let logger: Logger
  private let ready = OneShotEvent()
  private let sourcesRead = OneShotEvent()

  /// Prepares; nothing is opened before `run`.
  package init(configuration: Configuration, metrics: PickerMetrics, logger: Logger) {
    self.configuration = configuration
    self.metrics = metrics
    self.logger = logger
    store = EndpointStore(configuration: configuration.store, logger: logger)
  }

  /// Returns when the first scrape of every endpoint found at the start has ended, well or badly, or 200 ms after they
  /// were found; at the latest when `run` ends. Waits for ever when `run` is never called.
  package func waitUntilReady() async { await ready.wait() }

  /// Whether every source has named its endpoints once: an endpoints file that is missing or broken has not.
  package var hasReadSources: Bool { sourcesRead.isSignalled }

  /// Returns when `hasReadSources` is true and the endpoints have been tried as for `waitUntilReady`, or when the task is
  /// cancelled; whether it is true. What is read stays read: a file that goes later keeps its endpoints.
  package func waitUntilSourcesRead() async -> Bool { await sourcesRead.wait() }

  /// Works until the task is cancelled, then closes all connections, ends its threads and returns. To be called once.
  package func run() async throws {
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
    await discovery.run(
      afterFirstPass: { [ready] in signalAfterFirstAttempts(ready) },
      afterFirstReading: { [sourcesRead] in signalAfterFirstAttempts(sourcesRead) })

    await store.endObservation(observation)
    try await eventLoop.submit { scrapes.value.stop() }.get()
    // Not waited for: a thread may hang in the system's resolver for half a minute.
    threads.shutdownGracefully { _ in }
    try await group.shutdownGracefully()
  }
}
