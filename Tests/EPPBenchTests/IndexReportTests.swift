import Testing

@testable import epp_bench

@Suite struct IndexReportTests {
  private func report(wrongDepths: Int) -> IndexReport {
    var report = IndexReport()
    report.concurrency = IndexReport.Concurrency(
      endpoints: 8, seconds: 1, operations: 1, operationsPerSecond: 1, writerCore: 0.1, lookups: 100, lookupP50: 1,
      lookupP99: 2, lookupMaximum: 3, pairs: 1, wrongDepths: wrongDepths, residentMegabytes: 1, grownMegabytes: 0)
    return report
  }

  @Test func wrongLookUpsAreAFailure() {
    #expect(IndexReport().failure == nil)
    #expect(report(wrongDepths: 0).failure == nil)
    #expect(report(wrongDepths: 3).failure == "3 look-ups of the concurrent run told a wrong depth")
  }

  @Test func theTableHasAColdMissForEachNumberOfEndpoints() {
    var report = IndexReport()
    report.lookups = [
      .init(blocks: 64, endpoints: 8, hotMicroseconds: 1, flushedMicroseconds: 2, hotP99: 3)
    ]
    report.coldMisses = [.init(endpoints: 8, nanoseconds: 51), .init(endpoints: 1024, nanoseconds: 64)]
    #expect(report.table.contains("51") && report.table.contains("64"))
    #expect(report.table.contains("1024"))
  }
}
