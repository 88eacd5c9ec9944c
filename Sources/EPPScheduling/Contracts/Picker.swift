/// Chooses among scored candidates. Called on the request's thread; does not block.
package protocol Picker: Sendable {
  /// Writes positions in `totals` to `picks`: distinct, best first, at most as many as the picker is configured to return.
  func pick(_ totals: borrowing [Double], using random: inout PickRandom, into picks: inout [Int])
}

/// Parameters that all pickers have.
package enum PickerParameters {
  /// The largest number of picks.
  package static let maximumEndpoints = TypedParameter<Int>.integer(
    "maxNumOfEndpoints", 1...64, default: 1,
    "How many endpoints the answer names at most, best first; the gateway tries them in this order")
}
