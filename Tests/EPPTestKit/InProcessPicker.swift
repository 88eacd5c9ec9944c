package import EPPCore
package import EPPExtProc
package import EPPMetrics
package import EPPPrefixCache
package import EPPRouting
package import EPPScheduling
package import EPPTracing

/// The ext_proc side of a picker without sockets: a pool of made-up endpoints, one worker, and a clock that a test moves.
package final class InProcessPicker {
  package struct Options {
    package var endpointCount = 3
    package var profile = ProfileConfiguration.weighted
    /// Plugins of whole requests besides those of the profile.
    package var observers: [ConfiguredPlugin] = []
    package var routing = RoutingConfiguration.Settings(tokenDeadline: .milliseconds(100))
    package var maximumRequestBodyBytes = 10 << 20
    package var maximumBufferedBytes = 64 << 20
    package var requestDeadline = Duration.seconds(30)
    package var tokens: (any PromptTokenSource)?
    package var responseProcessing = ResponseProcessing.full
    /// Which traces are recorded; nil for none.
    package var sampler: TraceSampler?
  }

  package let clock = ManualClock()
  package let log = LogRecorder()
  package let metrics = PickerMetrics()
  package let decisions = RecordingSink()
  package let index = PrefixIndex(hasher: BlockHasher(seed: HashSeed(first: 1, second: 2)))
  package let members: [PoolSnapshot.Member]
  package let source: FixedSource
  package let pool: RoutedPool
  package let budget: BodyBudget
  package let spans = SpanRecorder()
  package let settings: ExtProcSettings
  let worker: ExtProcWorker
  var deadlines = DeadlineHeap()

  package init(_ change: (inout Options) -> Void = { _ in }) {
    var options = Options()
    change(&options)
    members = (0..<options.endpointCount).map { index in
      let endpoint = Endpoint(
        name: "e\(index)", address: EndpointAddress(host: "10.0.0.\(index)", port: 8000),
        slot: EndpointSlot(index: index, generation: 1))
      return PoolSnapshot.Member(endpoint: endpoint, metrics: EndpointMetrics(), load: EndpointLoad(), isStale: false)
    }
    source = FixedSource(PoolSnapshot(members: members))
    let now: @Sendable () -> MonotonicTime = { [clock] in clock.now }
    pool = RoutedPool(
      configuration: RoutingConfiguration(
        settings: options.routing,
        scheduler: Scheduler(
          SchedulerConfiguration(profiles: [options.profile], observers: options.observers),
          PluginEnvironment(seed: HashSeed(first: 1, second: 2), metrics: metrics))),
      source: source, index: index, tokens: options.tokens, metrics: metrics, decisions: decisions, clock: now)
    budget = BodyBudget(limit: options.maximumBufferedBytes)
    var settings = ExtProcSettings(
      pipeline: pool.pipeline, metrics: metrics,
      limits: StreamLimits(maximumRequestBodyBytes: options.maximumRequestBodyBytes), budget: budget,
      requestDeadline: options.requestDeadline,
      responseProcessing: options.responseProcessing, logger: log.logger)
    settings.tracing = options.sampler.map { [clock, spans] sampler in
      RequestTracing(
        tracer: SpanTracer(sampler: sampler, sink: spans), clock: now,
        timeOfDay: { Self.epoch + clock.now.nanoseconds })
    }
    self.settings = settings
    worker = ExtProcWorker(settings)
  }

  /// The time of day at the start of the clock, in nanoseconds since 1970.
  package static let epoch: UInt64 = 1_700_000_000_000_000_000

  /// Moves the clock, and tells those whose time has come.
  package func advance(by duration: Duration) {
    clock.advance(by: duration)
    while let stream = deadlines.takeDue(now: clock.now) { stream.deadlinePassed() }
  }

  /// Whether anybody waits for a time.
  package var hasDeadline: Bool { deadlines.next != nil }

  /// The metrics page.
  package var page: String { String(decoding: metrics.page(), as: UTF8.self) }

  /// The sum of a family's series; 0 when there is none.
  package func metric(_ family: String) -> Double {
    page.split(separator: "\n").filter { $0.hasPrefix(family + "{") || $0.hasPrefix(family + " ") }.reduce(0) {
      $0 + ($1.split(separator: " ").last.flatMap { Double($0) } ?? 0)
    }
  }

  /// Requests that count as being at an endpoint.
  package var inFlight: Int { members.reduce(0) { $0 + $1.load.inFlight.requests } }
}
