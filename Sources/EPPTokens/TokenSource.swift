package import EPPCore
package import EPPMetrics
package import Logging
import NIOCore
import Synchronization

/// Finds the token ids that engines make of prompts, in a cache or by asking an engine. Any thread may use it; no function
/// blocks.
package final class TokenSource: Sendable {
  /// The result of `tokens(api:body:at:wake:)`.
  package enum Lookup: Sendable {
    /// The tokens are in the cache.
    case known(PromptTokens)
    /// An engine is being asked.
    case pending(TokenWait)
    /// The prompt has no tokens, or no engine can be asked for them now.
    case unavailable
  }

  private let configuration: TokenSourceConfiguration
  private let secret = IdentitySecret()
  private let cache: TokenCache
  private let client: RenderClient
  private let renderer: any PromptRendering
  private let series: TokenSeries
  private let asking = Mutex(Asking())
  private let now: @Sendable () -> MonotonicTime

  /// Renderings in progress.
  private struct Asking {
    var flights: [PromptIdentity: RenderFlight] = [:]
    /// Bytes of the bodies in memory, including those of renderings that go on for a comparison.
    var bytes = 0
  }

  /// Makes a source with an empty cache.
  ///
  /// - Parameters:
  ///   - configuration: Limits of memory, time and concurrency.
  ///   - now: Returns the current time.
  package init(
    configuration: TokenSourceConfiguration = TokenSourceConfiguration(), metrics: PickerMetrics, logger: Logger,
    now: @escaping @Sendable () -> MonotonicTime
  ) {
    self.configuration = configuration
    self.now = now
    cache = TokenCache(maximumBytes: configuration.maximumCacheBytes, maximumAge: configuration.maximumTokenAge)
    series = metrics.tokenSeries()
    client = RenderClient(configuration, refusals: RenderRefusals(series: series, logger: logger), now: now)
    let whole = WholeRenderer(client, series: series, now: now)
    renderer =
      configuration.rendersIncrementally
      ? IncrementalRenderer(whole, cache, configuration, series: series, logger: logger, now: now) : whole
  }

  /// Closes all connections. `tokens(api:body:at:wake:)` must not be called afterwards.
  package func shutdown() async { await client.shutdown() }

  /// Looks up the tokens of a request's prompt, and asks an engine when they are not in the cache. Takes the time of a hash
  /// over the body.
  ///
  /// - Parameters:
  ///   - api: Chat completions or completions; other APIs have no tokens.
  ///   - body: The whole body; it is copied when an engine is asked.
  ///   - engines: Engines that can be asked, in order of preference.
  ///   - wake: Called once when a pending rendering ends, on any thread, unless the wait was cancelled before. It must not
  ///     cancel the wait itself.
  package func tokens(
    api: InferenceAPI, body: RawSpan, at engines: [EndpointAddress], wake: @escaping @Sendable () -> Void
  ) -> Lookup {
    guard let outline = PromptOutline(api: api, body: body, secret: secret) else { return .unavailable }
    if let tokens = cache.tokens(of: outline.identity, now: now()) {
      series.cached.increment()
      return .known(tokens)
    }
    let engines = (configuration.service.map { [$0.address] } ?? []) + engines
    // Names of models are kept for a while, and clients choose them.
    guard !engines.isEmpty, outline.modelNameBytes <= configuration.maximumModelNameBytes else {
      series.nobody.increment()
      return .unavailable
    }
    // When no engine may be asked, the body is not copied and the request does not wait.
    let mayAsk = client.wouldAsk(engines, outline.paths, model: outline.modelName(in: body))
    let (flight, isNew) = asking.withLock { asking -> (RenderFlight?, Bool) in
      if let flight = asking.flights[outline.identity] { return (flight, false) }
      guard mayAsk, asking.flights.count < configuration.maximumRenders,
        asking.bytes + body.byteCount <= configuration.maximumQuestionBytes
      else { return (nil, false) }
      let flight = RenderFlight(maximumWaiters: configuration.maximumWaiters)
      asking.flights[outline.identity] = flight
      asking.bytes += body.byteCount
      return (flight, true)
    }
    guard let flight else {
      if mayAsk { series.busy.increment() } else { series.nobody.increment() }
      return .unavailable
    }
    let joining = flight.join(wake)
    if isNew { start(outline, body, engines, flight) }
    switch joining {
    case .waiting(let waiter): return .pending(TokenWait(flight, waiter, series))
    case .done(let tokens?):
      series.cached.increment()
      return .known(tokens)
    case .done(nil): return .unavailable
    case .full:
      series.busy.increment()
      return .unavailable
    }
  }

  /// Invalidates cached tokens and what was learned about templates, after a prediction from token ids has proved wrong. Has an
  /// effect at most once in 60 seconds.
  package func invalidate() {
    let now = now()
    // The templates are invalidated only when the cache is, at most once in 60 seconds: an engine that contradicts all the time
    // must not keep all conversations of all models on trial.
    if cache.invalidate(now: now) { renderer.invalidate(now: now) }
  }

  /// Updates the gauges of the cache and of renderings in progress.
  package func refreshMetrics() {
    let (entries, bytes, evictions) = cache.statistics
    series.cacheEntries.set(entries)
    series.cacheBytes.set(bytes)
    series.cacheEvictions.increment(by: evictions - Int(clamping: series.cacheEvictions.value))
    let flights = asking.withLock { Array($0.flights.values) }
    series.inFlight.set(flights.count)
    series.waiting.set(flights.reduce(0) { $0 + $1.waiting })
  }

  private func start(
    _ outline: PromptOutline, _ body: RawSpan, _ engines: [EndpointAddress], _ flight: RenderFlight
  ) {
    let question = RenderQuestion(
      outline: outline, model: outline.modelName(in: body), body: Self.copy(body), engines: engines)
    // The number of tasks is limited by `maximumRenders` and, for tasks whose flight has ended, by `maximumComparisons`.
    Task.detached { [self] in
      let start = ContinuousClock.now
      await renderer.render(question) { tokens in
        if let tokens { cache.insert(tokens, for: outline.identity) }
        asking.withLock { _ = $0.flights.removeValue(forKey: outline.identity) }
        series.renderDuration.observe(ContinuousClock.now - start)
        flight.finish(tokens)
      }
      asking.withLock { $0.bytes -= question.body.readableBytes }
    }
  }

  private static func copy(_ body: RawSpan) -> ByteBuffer {
    unsafe body.withUnsafeBytes { unsafe ByteBuffer(bytes: $0) }
  }
}

/// A request's wait for the tokens of a prompt.
package final class TokenWait: Sendable {
  private let flight: RenderFlight
  private let waiter: RenderFlight.Waiter
  private let series: TokenSeries

  init(_ flight: RenderFlight, _ waiter: RenderFlight.Waiter, _ series: TokenSeries) {
    self.flight = flight
    self.waiter = waiter
    self.series = series
  }

  /// The tokens; nil while the rendering is in progress, and when it failed.
  package var result: PromptTokens? { flight.tokens }

  /// Ends the wait: `wake` is not called after this has returned. The rendering goes on, and its tokens are cached.
  package func cancel() {
    if flight.leave(waiter) { series.late.increment() }
  }
}
