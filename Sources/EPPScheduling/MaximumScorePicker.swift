/// `max-score-picker`: the highest scores, ties in random order.
package struct MaximumScorePicker: Picker {
  private let maximumEndpoints: Int

  package init(maximumEndpoints: Int) { self.maximumEndpoints = max(1, maximumEndpoints) }

  package func pick(_ totals: borrowing [Double], using random: inout PickRandom, into picks: inout [Int]) {
    picks.removeAll(keepingCapacity: true)
    for _ in 0..<min(maximumEndpoints, totals.count) {
      var best = -1
      var ties: UInt64 = 0
      for index in totals.indices where !picks.contains(index) {
        if best < 0 || totals[index] > totals[best] {
          best = index
          ties = 1
        } else if totals[index] == totals[best] {
          // Each of n equal ones is kept with probability 1/n (reservoir sampling).
          ties += 1
          if random.next(upperBound: ties) == 0 { best = index }
        }
      }
      picks.append(best)
    }
  }
}
