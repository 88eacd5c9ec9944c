/// Chooses among scored candidates.
package protocol Picker: Sendable {
  /// Positions in `totals`, best first, at most as many as the picker is set to give; distinct.
  func pick(_ totals: borrowing [Double], using random: inout PickRandom, into picks: inout [Int])
}
