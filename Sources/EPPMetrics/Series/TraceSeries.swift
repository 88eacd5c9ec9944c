/// Counts of spans by result. Any thread may write to it.
package struct TraceSeries: Sendable {
  /// Spans that the collector took.
  package let exported: Counter
  /// Spans for which there was no room in the buffer.
  package let dropped: Counter
  /// Spans that the collector did not take.
  package let failed: Counter

  init(_ family: MetricFamily<Counter>) {
    exported = family.cell(["exported"])
    dropped = family.cell(["dropped"])
    failed = family.cell(["failed"])
  }

  static let name = "trace_spans_total"
  static let help =
    "Spans of traced requests by result: exported; dropped, as the buffer was full; failed, as the collector did not take them."
}

extension PickerMetrics {
  /// The series of traces. On the page from the first call on.
  package func traceSeries() -> TraceSeries { TraceSeries(families.scheduling.traceSpans) }
}

extension SidecarMetrics {
  /// The series of traces. On the page from the first call on.
  package func traceSeries() -> TraceSeries { TraceSeries(traceSpans) }
}
