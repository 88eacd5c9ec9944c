/// The series of one family on one page: one value per label set.
///
/// Of two lines with one label set, the one with the newer timestamp is kept; a line with a timestamp is preferred to one
/// without; without timestamps the later line is kept.
struct SeriesTable {
  /// Series that are kept at most; a page has one per engine, model and rank.
  static let capacity = 512

  private struct Row {
    var labels: UInt64
    var timestamp: Double?
    var value: Double
  }

  private var rows: [Row] = []

  /// Records the value of a series. Ignores values that are negative, infinite or NaN, which engines write for values that they
  /// do not know yet.
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

  /// The sum over series; nil when there is no series.
  var sum: Double? { rows.isEmpty ? nil : rows.reduce(0) { $0 + $1.value } }

  /// The mean over series, each clamped to 1; nil when there is no series.
  var meanShare: Double? { rows.isEmpty ? nil : rows.reduce(0) { $0 + min(1, $1.value) } / Double(rows.count) }

  /// Removes all series and keeps their storage.
  mutating func removeAll() { rows.removeAll(keepingCapacity: true) }
}

/// The value of an attribute. The meaning of its metric is not known, so that series cannot be summed: the sample with the highest
/// timestamp counts, else the first one, as in llm-d.
struct NewestValue {
  /// The value; nil when there was no sample.
  private(set) var value: Double?
  private var timestamp: Double?

  /// Takes the sample if it is the first or newer. Ignores values that are infinite or NaN.
  mutating func note(_ value: Double, timestamp: Double?) {
    guard value.isFinite, self.value == nil || (timestamp ?? 0) > (self.timestamp ?? 0) else { return }
    self.value = value
    self.timestamp = timestamp
  }

  /// Takes the value if it is the first or higher. Ignores values that are infinite or NaN.
  mutating func noteHighest(_ value: Double) {
    if value.isFinite { self.value = max(self.value ?? value, value) }
  }
}
