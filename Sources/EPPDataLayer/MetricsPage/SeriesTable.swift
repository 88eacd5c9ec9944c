/// The series of one family on one page: one value per label set.
///
/// Where a label set comes twice, the newest timestamp wins, and without timestamps the later line.
struct SeriesTable {
  /// Series beyond this many are ignored; a page has one per engine, model and rank.
  static let capacity = 512

  private struct Row {
    var labels: UInt64
    var timestamp: Double?
    var value: Double
  }

  private var rows: [Row] = []

  /// Takes a usable number: finite and not negative. NaN is what an engine writes before it knows.
  mutating func note(_ value: Double, labels: UInt64, timestamp: Double?) {
    guard value.isFinite, value >= 0 else { return }
    if let index = rows.firstIndex(where: { $0.labels == labels }) {
      if let old = rows[index].timestamp, let new = timestamp, new < old { return }
      if rows[index].timestamp != nil, timestamp == nil { return }
      rows[index] = Row(labels: labels, timestamp: timestamp, value: value)
    } else if rows.count < Self.capacity {
      rows.append(Row(labels: labels, timestamp: timestamp, value: value))
    }
  }

  /// Nil when there is no series.
  var sum: Double? { rows.isEmpty ? nil : rows.reduce(0) { $0 + $1.value } }

  /// The mean of shares of 0...1, each clamped; nil when there is no series.
  var meanShare: Double? { rows.isEmpty ? nil : rows.reduce(0) { $0 + min(1, $1.value) } / Double(rows.count) }

  /// Forgets the rows and keeps their storage.
  mutating func removeAll() { rows.removeAll(keepingCapacity: true) }
}
