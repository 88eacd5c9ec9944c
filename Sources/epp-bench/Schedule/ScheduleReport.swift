/// The results of `epp-bench schedule`. Times are CPU times of the thread in microseconds, without what reading the clock costs.
struct ScheduleReport: Codable, Sendable {
  /// The decisions of one scheduler over one pool.
  struct Row: Codable, Sendable {
    /// The plugin's type, or what the configuration is.
    var name: String
    /// What is measured.
    var kind: ScheduleSubject.Kind
    /// The row of the same configuration without the plugin; nil where there is none.
    var base: String?
    /// Endpoints of the pool.
    var endpoints: Int
    /// Median of a whole decision.
    var p50: Double
    /// 99th percentile of a whole decision.
    var p99: Double
    /// Allocations of a decision, on average; nil where they are not counted.
    var allocations: Double?
  }

  /// Timed decisions of each row.
  var decisions: Int
  /// The results.
  var rows: [Row] = []

  init(decisions: Int) { self.decisions = decisions }

  /// The median of a row's decision without what the same decision costs without the plugin; nil where there is nothing to
  /// subtract.
  func alone(_ row: Row) -> Double? {
    guard let base = rows.first(where: { $0.name == row.base && $0.endpoints == row.endpoints }) else { return nil }
    return max(0, row.p50 - base.p50)
  }

  /// Why the command fails after all measurements; nil when it does not. A decision of the largest pool may make one allocation
  /// more than one of the smallest pool, such as a sort that needs memory only for many values.
  var failure: String? {
    var growing: [String] = []
    for last in rows {
      guard let first = rows.first(where: { $0.name == last.name }), first.endpoints < last.endpoints,
        let few = first.allocations, let many = last.allocations, many > few + 1
      else { continue }
      growing.append(
        "\(last.name) from \(few.decimals(1)) with \(first.endpoints) endpoints to \(many.decimals(1)) with "
          + "\(last.endpoints)")
    }
    return growing.isEmpty ? nil : "allocations of a decision grow with the pool: " + growing.joined(separator: "; ")
  }

  /// The rows by kind and size of the pool.
  var table: String {
    var table = TextTable(header: ["decision, µs of CPU", "endpoints", "p50", "p99", "alone", "allocations"])
    for row in rows {
      table.add(
        row.name, "\(row.endpoints)", row.p50.decimals(2), row.p99.decimals(2), alone(row)?.decimals(2) ?? "-",
        row.allocations?.decimals(1) ?? "-")
    }
    return table.text
  }
}
