/// Decides which traces are recorded (OpenTelemetry: `OTEL_TRACES_SAMPLER`).
package struct TraceSampler: Sendable, Equatable {
  /// What share of the traces that begin here is recorded, 0...1.
  package var ratio: Double
  /// Whether a trace that the caller has begun is recorded if and only if the caller records it.
  package var followsCaller: Bool

  package init(ratio: Double, followsCaller: Bool) {
    self.ratio = min(1, max(0, ratio))
    self.followsCaller = followsCaller
  }

  /// llm-d's default, `parentbased_traceidratio` with 0.1.
  package static let standard = TraceSampler(ratio: 0.1, followsCaller: true)

  /// Returns the context of a request's first span, whether it is recorded or not.
  ///
  /// - Parameter caller: The caller's span; nil begins a trace.
  func context(under caller: TraceContext?) -> TraceContext {
    guard let caller else {
      let trace = TraceContext.TraceID.random()
      return TraceContext(traceID: trace, spanID: .random(in: 1...UInt64.max), isSampled: records(trace))
    }
    if followsCaller { return caller.child() }
    return TraceContext(
      traceID: caller.traceID, spanID: .random(in: 1...UInt64.max), isSampled: records(caller.traceID),
      state: caller.state)
  }

  /// Whether a trace belongs to the share: a function of its number alone, the same in every process (OpenTelemetry SDK,
  /// TraceIdRatioBased; the bits that the Go SDK takes).
  private func records(_ trace: TraceContext.TraceID) -> Bool {
    if ratio >= 1 { return true }
    return trace.low >> 1 < UInt64(ratio * 0x1p63)
  }
}
