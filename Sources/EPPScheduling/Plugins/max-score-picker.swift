/// `max-score-picker`: the highest sums first, equal ones in random order.
package struct MaximumScorePicker: Picker {
  /// The plugin type.
  package static let descriptor = PluginDescriptor(
    "max-score-picker", "Picks the endpoint with the highest sum, one of several at random",
    parameters: [PickerParameters.maximumEndpoints.declaration],
    parts: [.picker { MaximumScorePicker(maximumEndpoints: $0[PickerParameters.maximumEndpoints]) }])

  private let maximumEndpoints: Int

  /// - Parameter maximumEndpoints: the largest number of picks, at least 1.
  package init(maximumEndpoints: Int) { self.maximumEndpoints = max(1, maximumEndpoints) }

  package func pick(_ totals: borrowing [Double], using random: inout PickRandom, into picks: inout [Int]) {
    picks.removeAll(keepingCapacity: true)
    if maximumEndpoints == 1 {
      if let best = best(totals, using: &random) { picks.append(best) }
      return
    }
    for index in totals.indices { picks.append(index) }
    random.shuffle(&picks, first: picks.count)
    let totals = copy totals
    picks.sort { totals[$0] > totals[$1] }
    picks.removeLast(max(0, picks.count - maximumEndpoints))
  }

  private func best(_ totals: borrowing [Double], using random: inout PickRandom) -> Int? {
    var best: Int?
    var highest = 0.0
    var equals: UInt64 = 0
    for index in totals.indices {
      let total = totals[index]
      if best == nil || total > highest {
        best = index
        highest = total
        equals = 1
      } else if total == highest {
        // Each of n equal ones is kept with probability 1/n (reservoir sampling).
        equals += 1
        if random.next(upperBound: equals) == 0 { best = index }
      }
    }
    return best
  }
}
