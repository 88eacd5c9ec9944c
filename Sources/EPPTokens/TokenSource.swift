package import EPPCore
package import EPPMetrics
package import Logging
import NIOCore
import Synchronization

/// Finds the token ids that engines make of prompts: by a cache of those that were seen, and by asking an engine. Any thread
/// may ask; nothing waits.
package final class TokenSource: Sendable {
  /// What is known at once.
  package enum Lookup: Sendable {
    case known(PromptTokens)
    /// An engine was asked.
    case pending(TokenWait)
    /// There are none, or none can be asked for now.
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

  /// What engines are being asked.
  private struct Asking {
    var flights: [PromptIdentity: RenderFlight] = [:]
    /// Bytes of the requests, also of those that are rendered once more to compare.
    var bytes = 0
  }

  /// - Parameter now: the present.
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

  /// Closes all connections. Nothing may be asked afterwards.
  package func shutdown() async { await client.shutdown() }

  /// The tokens of a request's prompt.
  ///
  /// - Parameters:
  ///   - api: chat completions or completions; there are none for others.
  ///   - body: the whole body; its time is that of a hash over it.
  ///   - engines: who can be asked, the first ones first.
  ///   - wake: called once when a pending answer is there, on any thread, unless the wait was cancelled before. It must
  ///     not cancel the wait itself.
  package func tokens(
    api: InferenceAPI, body: RawSpan, at engines: [EndpointAddress], wake: @escaping @Sendable () -> Void
  ) -> Lookup {
    guard let outline = PromptOutline(api: api, body: body, secret: secret) else { return .unavailable }
    if let tokens = cache.tokens(of: outline.identity, now: now()) {
      series.cached.increment()
      return .known(tokens)
    }
    // Names are kept for a while, and clients choose them.
    guard !engines.isEmpty, outline.modelNameBytes <= configuration.maximumModelNameBytes else {
      series.nobody.increment()
      return .unavailable
    }
    // Where no engine may be asked nothing is copied, and no request waits for what cannot come.
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

  /// A prediction that rests on token ids has proved wrong: shortcuts in finding them have to prove right again.
  package func invalidate() {
    let now = now()
    // Both halves are dropped together and as rarely: an engine that contradicts all the time must not keep all conversations of
    // all models on trial.
    if cache.invalidate(now: now) { renderer.invalidate(now: now) }
  }

  /// Brings the gauges up to the cache.
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
    // Their number is bounded by that of the flights and of comparisons, which go on after a flight has ended.
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

  /// Nil as long as they are not there, and when they could not be had.
  package var result: PromptTokens? { flight.tokens }

  /// Ends the wait: `wake` is not called after this has returned. The engine's answer is kept for the next request all the same.
  package func cancel() {
    if flight.leave(waiter) { series.late.increment() }
  }
}
