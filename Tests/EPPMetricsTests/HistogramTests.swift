import Testing

@testable import EPPMetrics

@Suite struct HistogramTests {
  @Test func everyBucketTakesItsBoundAndNothingAbove() {
    for layout in layouts {
      for (index, bound) in layout.bounds.enumerated() {
        #expect(layout.bucket(of: bound) == index)
        #expect(layout.bucket(of: bound + 1) == (index + 1))
      }
      #expect(layout.bucket(of: .max) == layout.bounds.count)
    }
  }

  @Test func layoutsHaveAsManyBoundsAsLLMDs() {
    #expect(layouts.map(\.bounds.count) == [35, 24, 13, 19, 15, 14, 16, 15, 10, 25, 15, 19, 12, 14, 11])
    #expect(HistogramLayout.requestBytes.bounds.first == 64)
    #expect(HistogramLayout.requestBytes.bounds.last == 1_073_741_824)
    #expect(HistogramLayout.outputTokens.bounds.last == 8192)
    #expect(HistogramLayout.prefixHitBytes.bounds.last == 65536)
  }

  @Test func sumsAreExactInTheUnitOfTheirLayout() {
    let long = Histogram(layout: .requestDuration)
    long.observe(.milliseconds(500))
    long.observe(.milliseconds(-5))
    long.observe(nanoseconds: 1_250_000)
    #expect(long.total == 0.50125)
    #expect(long.count == 3)
    let ratio = Histogram(layout: .prefixHitRatio)
    for value in [0, 0.25, 1, 7, -1, .nan] as [Double] { ratio.observe(ratio: value) }
    #expect(ratio.total == 2.25)
    #expect(ratio.count == 6)
    let bytes = Histogram(layout: .requestBytes)
    bytes.observe(-1)
    bytes.observe(2_000_000)
    #expect(bytes.total == 2_000_000)
  }

  @Test func aDurationBeyondTheScaleIsCountedInTheLastBucket() {
    let histogram = Histogram(layout: .scheduling)
    histogram.observe(.seconds(Int64.max))
    #expect(histogram.count == 1)
  }

  private let layouts: [HistogramLayout] = [
    .requestDuration, .timeToFirstToken, .normalizedTimePerOutputToken, .timePerOutputToken, .interTokenLatency,
    .streamDuration, .requestProcessing, .responseProcessing, .scheduling, .requestBytes, .responseBytes,
    .promptTokens, .outputTokens, .prefixHitBytes, .prefixHitRatio,
  ]
}

extension Histogram {
  /// The sum of all observed values, as the page has it.
  fileprivate var total: Double? { if case .histogram(let reading) = reading { reading.total } else { nil } }
}
