/// Creates families and collects them in a list.
struct MetricFamilyList {
  private(set) var families: [any ReadableMetricFamily] = []
  let seriesDropped: MetricFamily<Counter>
  private let dropped: Counter
  private let limit: Int

  init(limit: Int) {
    self.limit = limit
    // This family has one series only, so what it drops itself need not be counted.
    seriesDropped = MetricFamily(
      "epp_metrics_series_dropped_total",
      help: "Look-ups answered with the series \"other\", because a limit on label values or series was reached.",
      labels: [], layout: (), limit: 1, skipsUntouched: false, dropped: Counter())
    dropped = seriesDropped.cell([])
    families.append(seriesDropped)
  }

  mutating func counter(_ name: String, _ help: String, _ labels: [LabelName], bundled: Bool = false)
    -> MetricFamily<Counter>
  {
    add("llm_d_epp_" + name, "[ALPHA] " + help, labels, layout: (), bundled: bundled)
  }

  mutating func gauge(_ name: String, _ help: String, _ labels: [LabelName], bundled: Bool = false)
    -> MetricFamily<Gauge>
  {
    add("llm_d_epp_" + name, "[ALPHA] " + help, labels, layout: (), bundled: bundled)
  }

  mutating func histogram(
    _ name: String, _ help: String, _ labels: [LabelName], _ layout: HistogramLayout, bundled: Bool = false
  ) -> MetricFamily<Histogram> {
    add("llm_d_epp_" + name, "[ALPHA] " + help, labels, layout: layout, bundled: bundled)
  }

  /// A counter or a gauge that the llm-d EPP does not have.
  mutating func own<Cell: MetricCell>(_ name: String, _ help: String, _ labels: [LabelName]) -> MetricFamily<Cell>
  where Cell.Layout == Void {
    add("epp_" + name, help, labels, layout: (), bundled: false)
  }

  /// A histogram that the llm-d EPP does not have.
  mutating func ownHistogram(
    _ name: String, _ help: String, _ labels: [LabelName], _ layout: HistogramLayout, bundled: Bool = false
  ) -> MetricFamily<Histogram> {
    add("epp_" + name, help, labels, layout: layout, bundled: bundled)
  }

  private mutating func add<Cell: MetricCell>(
    _ name: String, _ help: String, _ labels: [LabelName], layout: Cell.Layout, bundled: Bool
  ) -> MetricFamily<Cell> {
    let family = MetricFamily<Cell>(
      name, help: help, labels: labels, layout: layout, limit: limit, skipsUntouched: bundled, dropped: dropped)
    families.append(family)
    return family
  }
}
