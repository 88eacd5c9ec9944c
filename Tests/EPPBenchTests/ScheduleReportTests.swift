import Testing

@testable import epp_bench

@Suite struct ScheduleReportTests {
  private func report(_ rows: [ScheduleReport.Row]) -> ScheduleReport {
    var report = ScheduleReport(decisions: 1000)
    report.rows = rows
    return report
  }

  private func row(
    _ name: String, base: String? = nil, _ endpoints: Int, p50: Double = 1, allocations: Double? = 2
  ) -> ScheduleReport.Row {
    ScheduleReport.Row(
      name: name, kind: .scorer, base: base, endpoints: endpoints, p50: p50, p99: 9, allocations: allocations)
  }

  @Test func aPluginAloneCostsWhatItAddsToTheSamePool() {
    let scorer = row("queue-scorer", base: "candidates only", 64, p50: 3.5)
    let report = report([
      row("candidates only", 1024, p50: 3), row("candidates only", 64, p50: 1.25), scorer,
      row("queue-scorer", base: "missing", 64),
    ])
    #expect(report.alone(scorer) == 2.25)
    #expect(report.alone(report.rows[0]) == nil)
    #expect(report.alone(report.rows[3]) == nil)
    // Noise does not make a cost negative.
    #expect(report.alone(row("none", base: "candidates only", 64, p50: 1)) == 0)
  }

  @Test func allocationsThatGrowWithThePoolAreAFailure() {
    #expect(report([]).failure == nil)
    #expect(report([row("a", 64, allocations: 2), row("a", 1024, allocations: 3)]).failure == nil)
    #expect(report([row("a", 64, allocations: 2), row("b", 1024, allocations: 30)]).failure == nil)
    #expect(report([row("a", 1024, allocations: 2), row("a", 64, allocations: 30)]).failure == nil)
    #expect(report([row("a", 64, allocations: nil), row("a", 1024, allocations: nil)]).failure == nil)
    #expect(
      report([row("a", 64, allocations: 2), row("b", 64), row("a", 1024, allocations: 7), row("b", 1024)]).failure
        == "allocations of a decision grow with the pool: a from 2.0 with 64 endpoints to 7.0 with 1024")
  }

  @Test func theTableHasALineForEachRow() {
    let table = report([row("candidates only", 64), row("a", base: "candidates only", 64, p50: 3, allocations: nil)])
      .table.split(separator: "\n")
    #expect(table.count == 3)
    #expect(table[1].hasSuffix("-          2.0"))
    #expect(table[2].split(separator: " ") == ["a", "64", "3.00", "9.00", "2.00", "-"])
  }
}
