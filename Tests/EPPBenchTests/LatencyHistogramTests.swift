import Testing

@testable import epp_bench

@Suite struct LatencyHistogramTests {
  @Test func percentilesAreWithinTheWidthOfABucket() {
    var histogram = LatencyHistogram()
    for microsecond in 1...10_000 { histogram.record(nanoseconds: Int64(microsecond) * 1000) }
    for (share, expected) in [(0.5, 5000.0), (0.9, 9000.0), (0.99, 9900.0), (1.0, 10_000.0)] {
      let found = histogram.microseconds(atShare: share)
      #expect(abs(found - expected) <= expected * 0.008, "at \(share): \(found)")
    }
    #expect(histogram.summary.mean == 5000.5)
    #expect(histogram.summary.maximum == 10_000)
    #expect(histogram.count == 10_000)
  }

  @Test func smallValuesAreExact() {
    var histogram = LatencyHistogram()
    for nanosecond: Int64 in [3, 3, 3, 200] { histogram.record(nanoseconds: nanosecond) }
    #expect(histogram.microseconds(atShare: 0.5) == 0.003)
    #expect(histogram.microseconds(atShare: 1) == 0.2)
  }

  @Test func extremesAreBounded() {
    var histogram = LatencyHistogram()
    #expect(histogram.microseconds(atShare: 0.5) == 0)
    #expect(histogram.summary.mean == 0)
    histogram.record(nanoseconds: -5)
    #expect(histogram.microseconds(atShare: 1) == 0)
    histogram.record(nanoseconds: .max)
    #expect(histogram.summary.maximum == Double(UInt64(1) << 40) / 1000)
  }
}
