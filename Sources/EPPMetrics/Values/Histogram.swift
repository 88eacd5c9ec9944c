package import EPPCore
import Synchronization

/// A distribution over fixed buckets. Any thread may write and read it; an observation is a binary search over at most 35
/// bounds and two relaxed atomic adds.
///
/// Values are whole multiples of the layout's smallest step (a nanosecond, a token, a byte), so that the sum is an integer add
/// and not a compare-exchange loop.
package final class Histogram: MetricCell {
  let layout: HistogramLayout
  private let buckets = InlineArray<36, Atomic<UInt64>> { _ in Atomic(0) }
  private let sum = Atomic<UInt64>(0)

  /// A histogram that belongs to no family and is on no page.
  package init(layout: HistogramLayout) {
    self.layout = layout
  }

  /// Adds one duration in nanoseconds. Only for layouts of durations.
  package func observe(nanoseconds: UInt64) {
    assert(layout.unit != .count, "a histogram of counts is given a duration")
    record(nanoseconds, sum: layout.unit == .longDuration ? nanoseconds / 1000 : nanoseconds)
  }

  /// Adds one duration; a negative one counts as 0. Only for layouts of durations.
  package func observe(_ duration: Duration) {
    observe(nanoseconds: UInt64(max(0, duration.wholeNanoseconds)))
  }

  /// Adds the time between two points; none where the end comes first. Only for layouts of durations.
  ///
  /// Cheaper than `observe(_:)` of a `Duration`, which counts attoseconds in 128 bits.
  package func observe(from start: MonotonicTime, to end: MonotonicTime) {
    observe(nanoseconds: end > start ? end.nanoseconds - start.nanoseconds : 0)
  }

  /// Adds one number of tokens or bytes; a negative one counts as 0. Only for layouts of counts.
  package func observe(_ count: Int) {
    assert(layout.unit == .count, "a histogram of durations or ratios is given a count")
    let value = UInt64(max(0, count))
    record(value, sum: value)
  }

  /// Adds one ratio, clamped to 0...1; not-a-number counts as 0. Only for layouts of ratios.
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

  /// The number of observations.
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
