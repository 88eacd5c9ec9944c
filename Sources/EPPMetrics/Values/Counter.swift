import Synchronization

/// A count that only grows. Any thread may write and read it; a write is one relaxed atomic add.
package final class Counter: MetricCell {
  private let count = Atomic<UInt64>(0)

  /// A counter that belongs to no family and is on no page.
  package init() {}

  init(layout: Void) {}

  /// Adds one.
  package func increment() { count.wrappingAdd(1, ordering: .relaxed) }

  /// Adds `amount`; a negative amount is ignored.
  package func increment(by amount: Int) {
    guard amount > 0 else { return }
    count.wrappingAdd(UInt64(amount), ordering: .relaxed)
  }

  /// The count at this moment.
  package var value: UInt64 { count.load(ordering: .relaxed) }

  static var kind: MetricKind { .counter }
  var reading: MetricReading { .counter(value) }
  var isUntouched: Bool { value == 0 }
}
