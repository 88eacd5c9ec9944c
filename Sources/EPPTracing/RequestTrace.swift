package import EPPCore
import Synchronization
package import Tracing

/// The trace of one request that is recorded: its first span, and the stages of the request, one within the other. Any thread may
/// use it, one at a time.
package final class RequestTrace: Sendable {
  private let root: RecordedSpan
  private let tracer: SpanTracer
  private let clock: SpanClock
  /// The stages that have begun and not ended, the innermost last.
  private let stages = Mutex<[RecordedSpan]>([])
  /// Parts with their own end.
  private let parts = Mutex<[RecordedSpan]>([])

  init(_ root: RecordedSpan, tracer: SpanTracer, clock: SpanClock) {
    self.root = root
    self.tracer = tracer
    self.clock = clock
  }

  /// The header that makes the spans of who gets the request children of the first span. `tracestate` stays as it came.
  package var header: RequestHeaders.Field { RequestTracing.header(of: root.identity) }

  /// Says something of the whole request.
  package func set(_ attribute: SpanAttributeName, _ value: some SpanAttributeConvertible) {
    root.set(attribute.rawValue, value.toSpanAttribute())
  }

  /// Says that the request failed.
  package func fail(_ reason: String) { root.setStatus(SpanStatus(code: .error, message: reason)) }

  /// Says what happened, and when.
  package func note(_ event: String, at time: MonotonicTime) {
    root.addEvent(SpanEvent(name: event, at: clock.instant(of: time)))
  }

  /// Begins a stage within the innermost one that has not ended.
  package func begin(_ name: SpanName) {
    stages.withLock { stages in
      stages.append(
        tracer.startSpan(name.text, context: (stages.last ?? root).context, ofKind: name.kind, at: clock.now))
    }
  }

  /// Says something of the innermost stage.
  package func setStage(_ attribute: SpanAttributeName, _ value: some SpanAttributeConvertible) {
    stages.withLock { $0.last }?.set(attribute.rawValue, value.toSpanAttribute())
  }

  /// Ends the innermost stage.
  ///
  /// - Parameter failure: why it failed; nil when it has not.
  package func end(failure: String? = nil) {
    guard let stage = stages.withLock({ $0.popLast() }) else { return }
    if let failure { stage.setStatus(SpanStatus(code: .error, message: failure)) }
    stage.end(at: clock.now)
  }

  /// Makes a span of the request that may last while others begin and end. One that the caller does not end ends with the request.
  package func child(_ name: SpanName) -> RequestSpan {
    let part = tracer.startSpan(name.text, context: root.context, ofKind: name.kind, at: clock.now)
    parts.withLock { $0.append(part) }
    return RequestSpan(part, clock: clock)
  }

  /// Ends the request, with all that has not ended.
  package func finish() {
    while stages.withLock({ !$0.isEmpty }) { end() }
    for part in parts.withLock({ $0 }) { part.end(at: clock.now) }
    root.end(at: clock.now)
  }
}

/// A part of a traced request that has its own beginning and end. Any thread may use it.
package struct RequestSpan: Sendable {
  private let span: RecordedSpan
  private let clock: SpanClock

  init(_ span: RecordedSpan, clock: SpanClock) {
    self.span = span
    self.clock = clock
  }

  /// The header that makes the spans of who is asked children of this one.
  package var header: RequestHeaders.Field { RequestTracing.header(of: span.identity) }

  /// Says something of the part.
  package func set(_ attribute: SpanAttributeName, _ value: some SpanAttributeConvertible) {
    span.set(attribute.rawValue, value.toSpanAttribute())
  }

  /// Ends the part. Further calls have no effect.
  ///
  /// - Parameter failure: why it failed; nil when it has not.
  package func end(failure: String? = nil) {
    if let failure { span.setStatus(SpanStatus(code: .error, message: failure)) }
    span.end(at: clock.now)
  }
}
