import Synchronization

/// A value that rises and falls. Any thread may write and read it.
package final class Gauge: MetricCell {
  private let bits = Atomic<UInt64>(0)

  /// A gauge that belongs to no family and is on no page.
  package init() {}

  init(layout: Void) {}

  /// Sets the value.
  package func set(_ value: Double) { bits.store(value.bitPattern, ordering: .relaxed) }

  /// Sets the value.
  package func set(_ value: Int) { set(Double(value)) }

  /// Adds `amount`, which may be negative. Whole numbers up to 2^53 are exact.
  package func add(_ amount: Int) {
    var old = bits.load(ordering: .relaxed)
    while true {
      let new = (Double(bitPattern: old) + Double(amount)).bitPattern
      let (exchanged, original) = bits.weakCompareExchange(expected: old, desired: new, ordering: .relaxed)
      if exchanged { return }
      old = original
    }
  }

  /// The value at this moment.
  package var value: Double { Double(bitPattern: bits.load(ordering: .relaxed)) }

  static var kind: MetricKind { .gauge }
  var reading: MetricReading { .gauge(value) }
  /// Always false: a gauge is written even at 0.
  var isUntouched: Bool { false }
}
