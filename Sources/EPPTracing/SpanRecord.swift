package import Tracing

/// A span that has ended, as a collector gets it.
package struct SpanRecord: Sendable {
  /// What the span measures.
  package var name: String
  /// Its part in a call between processes.
  package var kind: SpanKind
  /// Its identity.
  package var context: TraceContext
  /// The number of the span above it; nil for the first of a trace.
  package var parentID: UInt64?
  /// Whether the span above it belongs to another process.
  package var isParentRemote: Bool
  /// When it began, in nanoseconds since 1970.
  package var start: UInt64
  /// When it ended, in nanoseconds since 1970.
  package var end: UInt64
  /// What is said of it; texts of at most `maximumTextLength` bytes.
  package var attributes: SpanAttributes
  /// What happened meanwhile.
  package var events: [SpanEvent]
  /// Spans that it belongs with.
  package var links: [TraceContext]
  /// Whether it failed; nil when nothing is said of it.
  package var status: SpanStatus?

  /// Longest text of an attribute or a message, in bytes: clients choose names of models, and buffers are bounded.
  package static let maximumTextLength = 1024
  /// Most events of a span, and most links; OpenTelemetry's default.
  package static let maximumParts = 128

  /// The text, cut to the longest one.
  static func bounded(_ text: String) -> String {
    guard text.utf8.count > maximumTextLength else { return text }
    return String(decoding: text.utf8.prefix(maximumTextLength), as: UTF8.self)
  }
}

/// Takes spans that have ended. Called on request threads: an implementation neither blocks nor fails.
package protocol SpanSink: Sendable {
  /// Takes one span.
  func record(_ span: SpanRecord)
}
