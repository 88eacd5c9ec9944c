import Crypto
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
  private let secret = SymmetricKey(size: .bits256)
  private let cache: TokenCache
  private let client: RenderClient
  private let renderer: ConversationRenderer
  private let series: TokenSeries
  private let flights = Mutex<[PromptIdentity: RenderFlight]>([:])

  /// - Parameter now: the present.
  package init(
    configuration: TokenSourceConfiguration = TokenSourceConfiguration(), metrics: PickerMetrics, logger: Logger,
    now: @escaping @Sendable () -> MonotonicTime
  ) {
    self.configuration = configuration
    cache = TokenCache(maximumBytes: configuration.maximumCacheBytes)
    client = RenderClient(configuration, now: now)
    series = metrics.tokenSeries()
    renderer = ConversationRenderer(
      client, cache, isIncremental: configuration.rendersIncrementally, series: series, logger: logger)
  }

  /// Closes all connections. Nothing may be asked afterwards.
  package func shutdown() async { await client.shutdown() }

  /// The tokens of a request's prompt.
  ///
  /// - Parameters:
  ///   - api: chat completions or completions; there are none for others.
  ///   - body: the whole body; its time is that of a hash over it.
  ///   - engines: who can be asked, the first ones first.
  ///   - wake: called once when a pending answer is there, on any thread, unless the wait was cancelled before.
  package func tokens(
    api: InferenceAPI, body: RawSpan, at engines: [EndpointAddress], wake: @escaping @Sendable () -> Void
  ) -> Lookup {
    guard !RenderPath.all(for: api).isEmpty, let outline = PromptOutline(api: api, body: body, secret: secret) else {
      return .unavailable
    }
    if let tokens = cache[outline.identity] {
      series.cached.increment()
      return .known(tokens)
    }
    guard !engines.isEmpty else {
      series.nobody.increment()
      return .unavailable
    }
    let (flight, isNew) = flights.withLock { flights -> (RenderFlight?, Bool) in
      if let flight = flights[outline.identity] { return (flight, false) }
      guard flights.count < configuration.maximumRenders else { return (nil, false) }
      let flight = RenderFlight()
      flights[outline.identity] = flight
      return (flight, true)
    }
    guard let flight else {
      series.busy.increment()
      return .unavailable
    }
    guard let waiter = flight.join(wake) else {
      return flight.tokens.map { .known($0) } ?? .unavailable
    }
    if isNew { start(outline, Self.copy(body), engines, flight) }
    return .pending(TokenWait(flight, waiter, series))
  }

  /// A prediction that rests on token ids has proved wrong: shortcuts in finding them have to prove right again.
  package func distrust() { renderer.distrust() }

  /// Brings the gauges up to the cache.
  package func refreshMetrics() {
    let (entries, bytes, evictions) = cache.statistics
    series.cacheEntries.set(entries)
    series.cacheBytes.set(bytes)
    series.cacheEvictions.increment(by: evictions - Int(clamping: series.cacheEvictions.value))
    series.inFlight.set(flights.withLock { $0.count })
  }

  private func start(
    _ outline: PromptOutline, _ body: ByteBuffer, _ engines: [EndpointAddress], _ flight: RenderFlight
  ) {
    // Their number is bounded by that of the flights.
    Task.detached { [self] in
      let start = ContinuousClock.now
      await renderer.render(outline, body, at: engines) { tokens in
        if let tokens { cache.insert(tokens, for: outline.identity) }
        flights.withLock { _ = $0.removeValue(forKey: outline.identity) }
        series.renderDuration.observe(ContinuousClock.now - start)
        flight.finish(tokens)
      }
    }
  }

  private static func copy(_ body: RawSpan) -> ByteBuffer {
    unsafe body.withUnsafeBytes { unsafe ByteBuffer(bytes: $0) }
  }
}

/// Somebody who waits for the tokens of a prompt.
package final class TokenWait: Sendable {
  private let flight: RenderFlight
  private let waiter: Int
  private let series: TokenSeries

  init(_ flight: RenderFlight, _ waiter: Int, _ series: TokenSeries) {
    self.flight = flight
    self.waiter = waiter
    self.series = series
  }

  /// Nil as long as they are not there, and when they could not be had.
  package var result: PromptTokens? { flight.tokens }

  /// Waits no more. The engine's answer is kept for the next request all the same.
  package func cancel() {
    if flight.leave(waiter) { series.late.increment() }
  }
}
