import EngineSimulator

extension BlockHash: ExpressibleByIntegerLiteral {
  /// A made-up hash that ends with a number.
  init(number: UInt64) {
    self.init(Array(repeating: 0, count: 24) + (0..<8).map { UInt8(truncatingIfNeeded: number >> (56 - 8 * $0)) })
  }

  public init(integerLiteral value: UInt64) { self.init(number: value) }
}
