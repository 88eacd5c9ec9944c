package import EPPCore
import Tracing

/// Begins the traces of requests. Any thread may use it.
package struct RequestTracing: Sendable {
  /// Makes the spans.
  package let tracer: SpanTracer
  /// The clock of the process, which spans of a request are measured by.
  let clock: @Sendable () -> MonotonicTime
  /// The time of day, in nanoseconds since 1970.
  private let timeOfDay: @Sendable () -> UInt64

  package init(
    tracer: SpanTracer, clock: @escaping @Sendable () -> MonotonicTime,
    timeOfDay: @escaping @Sendable () -> UInt64 = { DefaultTracerClock.now.nanosecondsSinceEpoch }
  ) {
    self.tracer = tracer
    self.clock = clock
    self.timeOfDay = timeOfDay
  }

  /// A request whose fate is decided.
  package struct Begun {
    /// The trace; nil when it is not recorded.
    package let trace: RequestTrace?
    /// The header for whoever gets the request; nil where the caller's stays.
    package let header: RequestHeaders.Field?
  }

  static func header(of identity: TraceContext) -> RequestHeaders.Field {
    .init(name: TraceContext.parentHeader, value: identity.parent)
  }

  /// Headers of a request that name the trace of the caller, in lower case.
  package static let headers = [TraceContext.parentHeader, TraceContext.stateHeader]

  /// Decides whether a request is recorded, and begins its trace when it is.
  ///
  /// - Parameters:
  ///   - name: the name of the first span.
  ///   - caller: the span of the caller; nil begins a trace.
  ///   - start: when the request came.
  package func begin(_ name: SpanName, under caller: TraceContext?, at start: MonotonicTime) -> Begun {
    // Decided before anything is made: most requests are not recorded.
    let identity = tracer.sampler.context(under: caller)
    guard identity.isSampled else {
      // Without a caller, whoever gets the request is told of the decision, so as not to decide again.
      return Begun(trace: nil, header: caller == nil ? Self.header(of: identity) : nil)
    }
    let clock = SpanClock(clock: clock, monotonic: self.clock(), timeOfDay: timeOfDay())
    var context = ServiceContext.topLevel
    context.caller = caller
    let root = tracer.start(
      name.text, name.kind, identity, under: context, at: clock.instant(of: start).nanosecondsSinceEpoch)
    let trace = RequestTrace(root, tracer: tracer, clock: clock)
    return Begun(trace: trace, header: trace.header)
  }
}

/// The clock of one request's spans: the monotonic clock, shown as time of day, so that a change of the time of day moves none
/// of them against the others.
struct SpanClock: Sendable {
  private let clock: @Sendable () -> MonotonicTime
  private let monotonic: MonotonicTime
  private let timeOfDay: UInt64

  /// - Parameters:
  ///   - clock: the monotonic clock.
  ///   - monotonic: a time on it.
  ///   - timeOfDay: the time of day then, in nanoseconds since 1970.
  init(clock: @escaping @Sendable () -> MonotonicTime, monotonic: MonotonicTime, timeOfDay: UInt64) {
    self.clock = clock
    self.monotonic = monotonic
    self.timeOfDay = timeOfDay
  }

  /// The time now.
  var now: DefaultTracerClock.Timestamp { instant(of: clock()) }

  /// The time of day at a time of the monotonic clock.
  func instant(of time: MonotonicTime) -> DefaultTracerClock.Timestamp {
    .init(nanosecondsSinceEpoch: timeOfDay &+ (time.nanoseconds &- monotonic.nanoseconds))
  }
}
