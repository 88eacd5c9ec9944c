/// A number in JSON text, checked.
package struct JSONNumber: Equatable, Sendable {
  /// Where its text stands.
  package var range: Range<Int>
  /// The value, when it is written without sign, fraction or exponent in at most 19 digits.
  package var integer: UInt64?

  /// A number at a place.
  package init(range: Range<Int>, integer: UInt64?) {
    self.range = range
    self.integer = integer
  }
}
