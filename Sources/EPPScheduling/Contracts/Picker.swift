/// Chooses among scored candidates.
package protocol Picker: Sendable {
  /// Positions in `totals`, best first, at most as many as the picker is set to give; distinct.
  func pick(_ totals: borrowing [Double], using random: inout PickRandom, into picks: inout [Int])
}

/// Parameters that pickers have in common.
package enum PickerParameters {
  package static let maximumEndpoints = TypedParameter<Int>.integer(
    "maxNumOfEndpoints", 1...64, default: 1,
    "How many endpoints the answer names at most, best first; the gateway tries them in this order")
}
