import Glibc

/// `weighted-random-picker`: random candidates without repetition, each with a probability proportional to its sum (A-Res of
/// Efraimidis and Spirakis: the largest keys u^(1/sum)). Candidates with sum 0 come last, in random order.
package struct WeightedRandomPicker: Picker {
  /// The plugin type.
  package static let descriptor = PluginDescriptor(
    "weighted-random-picker", "Picks any endpoint, with a probability proportional to its score",
    parameters: [PickerParameters.maximumEndpoints.declaration],
    parts: [.picker { WeightedRandomPicker(maximumEndpoints: $0[PickerParameters.maximumEndpoints]) }])

  private let maximumEndpoints: Int

  /// - Parameter maximumEndpoints: the largest number of picks, at least 1.
  package init(maximumEndpoints: Int) { self.maximumEndpoints = max(1, maximumEndpoints) }

  package func pick(_ totals: borrowing [Double], using random: inout PickRandom, into picks: inout [Int]) {
    picks.removeAll(keepingCapacity: true)
    var keys: [Double] = []
    for index in totals.indices {
      picks.append(index)
      let uniform = random.nextUnit()
      // The logarithm of the key, for precision: log(u) / sum is below 0. Those of sum 0 are below all of them.
      keys.append(totals[index] > 0 ? log(uniform) / totals[index] : -.greatestFiniteMagnitude * (1 - uniform / 2))
    }
    picks.sort { keys[$0] > keys[$1] }
    picks.removeLast(max(0, picks.count - maximumEndpoints))
  }
}
