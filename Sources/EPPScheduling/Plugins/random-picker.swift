/// `random-picker`: random candidates, whatever their sums.
package struct RandomPicker: Picker {
  /// The plugin type.
  package static let descriptor = PluginDescriptor(
    "random-picker", "Picks any endpoint, whatever its score",
    parameters: [PickerParameters.maximumEndpoints.declaration],
    parts: [.picker { RandomPicker(maximumEndpoints: $0[PickerParameters.maximumEndpoints]) }])

  private let maximumEndpoints: Int

  /// - Parameter maximumEndpoints: the largest number of picks, at least 1.
  package init(maximumEndpoints: Int) { self.maximumEndpoints = max(1, maximumEndpoints) }

  package func pick(_ totals: borrowing [Double], using random: inout PickRandom, into picks: inout [Int]) {
    picks.removeAll(keepingCapacity: true)
    for index in totals.indices { picks.append(index) }
    let count = min(maximumEndpoints, picks.count)
    random.shuffle(&picks, first: count)
    picks.removeLast(picks.count - count)
  }
}
