import EPPCore
import EPPScheduling
import Testing

@Suite struct PickerTests {
  private func counts(_ picker: any Picker, _ totals: [Double], rounds: Int = 12_000, place: Int = 0) -> [Int] {
    var random = PickRandom(seed: 5)
    var picks: [Int] = []
    var counts = Array(repeating: 0, count: totals.count)
    for _ in 0..<rounds {
      picker.pick(totals, using: &random, into: &picks)
      counts[picks[place]] += 1
    }
    return counts
  }

  /// Whether counts are within five standard deviations of an even spread.
  private func isEven(_ counts: [Int]) -> Bool {
    let share = 1 / Double(counts.count)
    let rounds = Double(counts.reduce(0, +))
    let deviation = (rounds * share * (1 - share)).squareRoot()
    return counts.allSatisfy { abs(Double($0) - rounds * share) <= 5 * deviation }
  }

  @Test func theHighestSumIsPicked() {
    for count in [1, 2, 3] {
      #expect(counts(MaximumScorePicker(maximumEndpoints: count), [1, 3, 2], rounds: 50) == [0, 50, 0])
    }
  }

  @Test(arguments: [1, 3]) func equalSumsArePickedEquallyOften(endpoints: Int) {
    let picker = MaximumScorePicker(maximumEndpoints: endpoints)
    #expect(isEven(counts(picker, [2, 2, 2, 2])))
    let some = counts(picker, [7, 0, 7, 5, 7])
    #expect(some[1] == 0 && some[3] == 0)
    #expect(isEven([some[0], some[2], some[4]]))
  }

  @Test func fallbacksFollowInTheOrderOfTheirSums() {
    var random = PickRandom(seed: 1)
    var picks: [Int] = []
    MaximumScorePicker(maximumEndpoints: 3).pick([1, 4, 3, 2], using: &random, into: &picks)
    #expect(picks == [1, 2, 3])
    MaximumScorePicker(maximumEndpoints: 9).pick([1, 4, 3, 2], using: &random, into: &picks)
    #expect(picks == [1, 2, 3, 0])
    // The places behind the first are drawn among equals too.
    #expect(isEven(Array(counts(MaximumScorePicker(maximumEndpoints: 2), [9, 2, 2, 2], place: 1)[1...])))
  }

  @Test func theRandomPickerIgnoresSums() {
    #expect(isEven(counts(RandomPicker(maximumEndpoints: 1), [9, 0, 0, 1])))
    #expect(isEven(counts(RandomPicker(maximumEndpoints: 3), [9, 0, 0, 1], place: 2)))
  }

  @Test func picksAreDistinctAndNoMoreThanThereAre() {
    var random = PickRandom(seed: 3)
    var picks: [Int] = []
    for picker in [MaximumScorePicker(maximumEndpoints: 4) as any Picker, RandomPicker(maximumEndpoints: 4)] {
      for count in 0...6 {
        picker.pick(Array(repeating: 1, count: count), using: &random, into: &picks)
        #expect(picks.count == min(4, count))
        #expect(Set(picks).count == picks.count)
      }
    }
  }

  @Test func equalSeedsDrawAlike() {
    var first = PickRandom(seed: 8)
    var second = PickRandom(seed: 8)
    #expect((0..<20).map { _ in first.next() } == (0..<20).map { _ in second.next() })
  }
}
