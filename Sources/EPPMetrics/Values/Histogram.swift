import EPPCore
import Synchronization

/// A distribution over fixed buckets. Any thread may write and read it; an observation is a search over at most 35
/// bounds and two relaxed atomic adds.
///
/// Values are whole numbers of the layout's smallest step (a nanosecond, a token, a byte), so that the sum is an
/// integer add and not a loop around a compare-exchange.
package final class Histogram: MetricCell {
  let layout: HistogramLayout
  private let buckets = InlineArray<36, Atomic<UInt64>> { _ in Atomic(0) }
  private let sum = Atomic<UInt64>(0)

  /// A histogram outside of any family, which no page shows.
  package init(layout: HistogramLayout) {
    self.layout = layout
  }

  /// Adds one duration to a histogram of durations.
  package func observe(nanoseconds: UInt64) {
    assert(layout.unit != .count, "a histogram of counts is given a duration")
    record(nanoseconds, sum: layout.unit == .longDuration ? nanoseconds / 1000 : nanoseconds)
  }

  /// Adds one duration to a histogram of durations; a negative one counts as zero.
  package func observe(_ duration: Duration) {
    observe(nanoseconds: UInt64(max(0, duration.wholeNanoseconds)))
  }

  /// Adds one number of tokens or bytes to a histogram of counts; a negative one counts as zero.
  package func observe(_ count: Int) {
    assert(layout.unit == .count, "a histogram of durations or ratios is given a count")
    let value = UInt64(max(0, count))
    record(value, sum: value)
  }

  /// Adds one share, 0...1, to a histogram of ratios; values outside are moved to the nearer end, not-a-number to 0.
  package func observe(ratio: Double) {
    assert(layout.unit == .ratio, "a histogram of durations or counts is given a ratio")
    let share = ratio > 0 ? min(1, ratio) : 0
    let value = UInt64((share * 1e9).rounded())
    record(value, sum: value)
  }

  private func record(_ value: UInt64, sum amount: UInt64) {
    buckets[layout.bucket(of: value)].wrappingAdd(1, ordering: .relaxed)
    sum.wrappingAdd(amount, ordering: .relaxed)
  }

  /// How many values were observed.
  package var count: UInt64 { read().count }

  /// The number of observations is the sum of the buckets as they were read, so that a page written amid
  /// observations never shows a bucket above the count.
  private func read() -> HistogramReading {
    var reading = HistogramReading(layout: layout)
    for index in reading.counts.indices { reading.counts[index] = buckets[index].load(ordering: .relaxed) }
    reading.sum = sum.load(ordering: .relaxed)
    return reading
  }

  static var kind: MetricKind { .histogram }
  var reading: MetricReading { .histogram(read()) }
  var isUntouched: Bool { count == 0 }
}
