package import Tracing

/// Makes spans that end in a sink: the tracer of swift-distributed-tracing. Contexts are passed to it; none is taken from the task.
/// Any thread may use it.
package struct SpanTracer: Tracer {
  package typealias Span = RecordedSpan

  /// Decides which traces are recorded.
  let sampler: TraceSampler
  /// Takes spans that have ended.
  private let sink: any SpanSink

  package init(sampler: TraceSampler, sink: any SpanSink) {
    self.sampler = sampler
    self.sink = sink
  }

  package func startSpan<Instant: TracerInstant>(
    _ operationName: String, context: @autoclosure () -> ServiceContext, ofKind kind: SpanKind,
    at instant: @autoclosure () -> Instant, function: String, file fileID: String, line: UInt
  ) -> RecordedSpan {
    let given = context()
    let own = given.span.map { $0.child() } ?? sampler.context(under: given.caller)
    return start(operationName, kind, own, under: given, at: instant().nanosecondsSinceEpoch)
  }

  /// Starts a span whose identity is known.
  func start(
    _ name: String, _ kind: SpanKind, _ identity: TraceContext, under context: ServiceContext, at start: UInt64
  ) -> RecordedSpan {
    RecordedSpan(name, kind, identity, under: context, at: start, sink: identity.isSampled ? sink : nil)
  }

  package func forceFlush() {}

  package func extract<Carrier, Extract: Extractor>(
    _ carrier: Carrier, into context: inout ServiceContext, using extractor: Extract
  ) where Extract.Carrier == Carrier {
    if let caller = TraceContext(header: { extractor.extract(key: $0, from: carrier) }) { context.caller = caller }
  }

  package func inject<Carrier, Inject: Injector>(
    _ context: ServiceContext, into carrier: inout Carrier, using injector: Inject
  ) where Inject.Carrier == Carrier {
    guard let own = context.span else { return }
    injector.inject(own.parent, forKey: TraceContext.parentHeader, into: &carrier)
    if !own.state.isEmpty { injector.inject(own.state, forKey: TraceContext.stateHeader, into: &carrier) }
  }
}

extension ServiceContext {
  private enum SpanKey: ServiceContextKey {
    typealias Value = TraceContext
  }

  private enum CallerKey: ServiceContextKey {
    typealias Value = TraceContext
  }

  /// The span of this process that encloses what is done; nil for none.
  package internal(set) var span: TraceContext? {
    get { self[SpanKey.self] }
    set { self[SpanKey.self] = newValue }
  }

  /// The span of the process that called; nil when it named none.
  package var caller: TraceContext? {
    get { self[CallerKey.self] }
    set { self[CallerKey.self] = newValue }
  }
}
