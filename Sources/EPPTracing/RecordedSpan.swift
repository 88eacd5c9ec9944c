import Synchronization
package import Tracing

/// A span that is handed to a sink at its end, or that is not recorded. Any thread may use it.
package final class RecordedSpan: Span {
  package let context: ServiceContext
  /// Its identity.
  package let identity: TraceContext
  /// Nil when it is not recorded.
  private let sink: (any SpanSink)?
  /// Nil once it has ended.
  private let record: Mutex<SpanRecord?>

  init(
    _ name: String, _ kind: SpanKind, _ identity: TraceContext, under context: ServiceContext, at start: UInt64,
    sink: (any SpanSink)?
  ) {
    self.identity = identity
    self.sink = sink
    record = Mutex(
      sink == nil
        ? nil
        : SpanRecord(
          name: name, kind: kind, context: identity, parentID: (context.span ?? context.caller)?.spanID,
          isParentRemote: context.span == nil, start: start, end: start, attributes: [:], events: [], links: []))
    var own = context
    own.span = identity
    self.context = own
  }

  package var isRecording: Bool { record.withLock { $0 != nil } }

  package var operationName: String {
    get { record.withLock { $0?.name ?? "" } }
    set { record.withLock { $0?.name = newValue } }
  }

  package var attributes: SpanAttributes {
    get { record.withLock { $0?.attributes ?? [:] } }
    set { record.withLock { $0?.attributes = newValue } }
  }

  package func setStatus(_ status: SpanStatus) {
    let status = SpanStatus(code: status.code, message: status.message.map(SpanRecord.bounded))
    record.withLock { $0?.status = status }
  }

  /// Adds what is said of the span; texts are cut.
  package func set(_ key: String, _ value: SpanAttribute) {
    let value: SpanAttribute =
      if case .string(let text) = value { .string(SpanRecord.bounded(text)) } else { value }
    record.withLock { $0?.attributes.set(key, value: value) }
  }

  package func addEvent(_ event: SpanEvent) {
    record.withLock { record in
      if let count = record?.events.count, count < SpanRecord.maximumParts { record?.events.append(event) }
    }
  }

  package func recordError<Instant: TracerInstant>(
    _ error: any Error, attributes: SpanAttributes, at instant: @autoclosure () -> Instant
  ) {
    var attributes = attributes
    // OpenTelemetry's names for what an exception is.
    attributes.set("exception.type", value: .string("\(type(of: error))"))
    attributes.set("exception.message", value: .string(SpanRecord.bounded("\(error)")))
    addEvent(SpanEvent(name: "exception", at: instant(), attributes: attributes))
  }

  package func addLink(_ link: SpanLink) {
    guard let other = link.context.span ?? link.context.caller else { return }
    record.withLock { record in
      if let count = record?.links.count, count < SpanRecord.maximumParts { record?.links.append(other) }
    }
  }

  package func end<Instant: TracerInstant>(at instant: @autoclosure () -> Instant) {
    guard var ended = record.withLock({ $0.take() }) else { return }
    ended.end = max(ended.start, instant().nanosecondsSinceEpoch)
    sink?.record(ended)
  }
}
