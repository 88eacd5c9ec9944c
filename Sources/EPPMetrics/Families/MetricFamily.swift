import Synchronization

/// Something that a family holds one of for each combination of label values.
protocol MetricCell: AnyObject, Sendable {
  associatedtype Layout: Sendable
  static var kind: MetricKind { get }
  init(layout: Layout)
  var reading: MetricReading { get }
  /// Whether nothing was ever written to it.
  var isUntouched: Bool { get }
}

/// What the text writer needs to know of a family.
struct MetricFamilyDescriptor: Sendable {
  var name: String
  var help: String
  var kind: MetricKind
  var labels: [LabelName]
}

/// One series on its way to the page.
struct MetricSeries: Sendable {
  var labelValues: [String]
  var reading: MetricReading
}

/// A family as the text writer sees it: named, and readable at any moment.
protocol ReadableMetricFamily: Sendable {
  var descriptor: MetricFamilyDescriptor { get }
  /// All series at this moment, in the order of their label values.
  func read() -> [MetricSeries]
  /// Takes a series off the page. Whoever still holds its cell may go on writing to it.
  func remove(_ values: [String])
}

/// All series of one metric: one cell for each combination of label values, up to a limit.
///
/// Looking a cell up takes a lock and hashes strings; whoever writes often keeps the cell.
final class MetricFamily<Cell: MetricCell>: ReadableMetricFamily {
  let descriptor: MetricFamilyDescriptor
  private let layout: Cell.Layout
  private let limit: Int
  private let skipsUntouched: Bool
  private let dropped: Counter
  private let cells = Mutex<[[String]: Cell]>([:])

  /// - Parameters:
  ///   - limit: How many series there can be; later ones share one whose label values are all `other`.
  ///   - skipsUntouched: Leaves out series to which nothing was written, for cells that are made in bundles.
  ///   - dropped: Counts lookups that ended in the shared series.
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

  /// The cell for these label values, in the order of the family's labels; made when there is none yet.
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

  /// A cell of the same kind that is no series of the family.
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
