package import EPPTracing
import Synchronization

/// Keeps the spans that have ended. Any thread may use it.
package final class SpanRecorder: SpanSink {
  private let recorded = Mutex<[SpanRecord]>([])

  package init() {}

  package func record(_ span: SpanRecord) { recorded.withLock { $0.append(span) } }

  /// The spans in the order of their ends.
  package var spans: [SpanRecord] { recorded.withLock { $0 } }

  /// The first span with this name; nil for none.
  package func first(_ name: SpanName) -> SpanRecord? { spans.first { $0.name == name.text } }

  /// The names of spans and of those above them, as `parent > child`, sorted.
  package var tree: [String] {
    let all = spans
    let names = Dictionary(all.map { ($0.context.spanID, $0.name) }) { first, _ in first }
    return all.map { span in "\(span.parentID.flatMap { names[$0] } ?? "-") > \(span.name)" }.sorted()
  }
}
