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
    // The keys of the picks, in descending order.
    var keys: [Double] = []
    keys.reserveCapacity(min(maximumEndpoints, totals.count) + 1)
    for index in totals.indices {
      let uniform = random.nextUnit()
      // The logarithm of the key, for precision: log(u) / sum is below 0. Those of sum 0 are below all of them.
      let key = totals[index] > 0 ? log(uniform) / totals[index] : -.greatestFiniteMagnitude * (1 - uniform / 2)
      if keys.count == maximumEndpoints, let last = keys.last, key <= last { continue }
      let place = keys.firstIndex { $0 < key } ?? keys.count
      keys.insert(key, at: place)
      picks.insert(index, at: place)
      if keys.count > maximumEndpoints {
        keys.removeLast()
        picks.removeLast()
      }
    }
  }
}
