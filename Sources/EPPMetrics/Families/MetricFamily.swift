import Synchronization

/// The value of one series: a counter, a gauge or a histogram.
protocol MetricCell: AnyObject, Sendable {
  associatedtype Layout: Sendable
  /// The Prometheus type.
  static var kind: MetricKind { get }
  /// A cell without observations.
  init(layout: Layout)
  /// The value at this moment.
  var reading: MetricReading { get }
  /// Whether nothing was ever written to it.
  var isUntouched: Bool { get }
}

/// Name, help, type and labels of a family, as the text writer needs them.
struct MetricFamilyDescriptor: Sendable {
  var name: String
  var help: String
  var kind: MetricKind
  var labels: [LabelName]
}

/// The label values and the value of one series, read for a page.
struct MetricSeries: Sendable {
  /// The label values, in the order of the family's labels.
  var labelValues: [String]
  /// The value when it was read.
  var reading: MetricReading
}

/// A family as the text writer uses it. Any thread may call its methods.
protocol ReadableMetricFamily: Sendable {
  /// Name, help, type and labels.
  var descriptor: MetricFamilyDescriptor { get }
  /// All series at this moment, in the order of their label values.
  func read() -> [MetricSeries]
  /// Removes a series from the page. Its cell may still be written to.
  func remove(_ values: [String])
}

/// All series of one metric: one cell for each combination of label values, up to a limit.
///
/// Looking up a cell takes a lock and hashes strings; frequent writers keep the cell. Any thread may call all methods.
final class MetricFamily<Cell: MetricCell>: ReadableMetricFamily {
  let descriptor: MetricFamilyDescriptor
  private let layout: Cell.Layout
  private let limit: Int
  private let skipsUntouched: Bool
  private let dropped: Counter
  private let cells = Mutex<[[String]: Cell]>([:])

  /// - Parameters:
  ///   - name: the metric's name on the page.
  ///   - help: the help text.
  ///   - labels: the label names.
  ///   - layout: the bucket bounds for histograms, else `()`.
  ///   - limit: the largest number of series; later ones share one whose label values are all `other`.
  ///   - skipsUntouched: leaves out series that were never written to, for cells that are created in groups.
  ///   - dropped: counts look-ups that ended in the shared series.
  init(
    _ name: String, help: String, labels: [LabelName], layout: Cell.Layout, limit: Int, skipsUntouched: Bool,
    dropped: Counter
  ) {
    descriptor = MetricFamilyDescriptor(name: name, help: help, kind: Cell.kind, labels: labels)
    self.layout = layout
    self.limit = limit
    self.skipsUntouched = skipsUntouched
    self.dropped = dropped
  }

  /// The cell for these label values, in the order of the family's labels; created when there is none yet.
  func cell(_ values: [String]) -> Cell {
    assert(values.count == descriptor.labels.count)
    let key = values.map(LabelValue.cleaned)
    return cells.withLock { cells in
      if let cell = cells[key] { return cell }
      guard cells.count >= limit else {
        let cell = Cell(layout: layout)
        cells[key] = cell
        return cell
      }
      dropped.increment()
      let shared = Array(repeating: LabelValue.other, count: key.count)
      if let cell = cells[shared] { return cell }
      let cell = Cell(layout: layout)
      cells[shared] = cell
      return cell
    }
  }

  /// A cell of the family's type that is on no page.
  func cellOffThePage() -> Cell { Cell(layout: layout) }

  func remove(_ values: [String]) {
    let key = values.map(LabelValue.cleaned)
    cells.withLock { cells in _ = cells.removeValue(forKey: key) }
  }

  func read() -> [MetricSeries] {
    let snapshot = cells.withLock { $0 }
    var series: [MetricSeries] = []
    series.reserveCapacity(snapshot.count)
    for (values, cell) in snapshot where !(skipsUntouched && cell.isUntouched) {
      series.append(MetricSeries(labelValues: values, reading: cell.reading))
    }
    series.sort { $0.labelValues.lexicographicallyPrecedes($1.labelValues) }
    return series
  }
}
