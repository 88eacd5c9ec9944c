/// `random-picker`: any of the candidates, whatever their scores.
package struct RandomPicker: Picker {
  private let maximumEndpoints: Int

  package init(maximumEndpoints: Int) { self.maximumEndpoints = max(1, maximumEndpoints) }

  package func pick(_ totals: borrowing [Double], using random: inout PickRandom, into picks: inout [Int]) {
    picks.removeAll(keepingCapacity: true)
    for index in totals.indices { picks.append(index) }
    // The beginning of a Fisher-Yates shuffle.
    let count = min(maximumEndpoints, picks.count)
    for position in 0..<count {
      let other = position + Int(random.next(upperBound: UInt64(picks.count - position)))
      picks.swapAt(position, other)
    }
    picks.removeLast(picks.count - count)
  }
}
