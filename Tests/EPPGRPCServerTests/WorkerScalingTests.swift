import Testing

@testable import EPPGRPCServer

@Suite struct WorkerScalingTests {
  /// Measures the same load in windows of 50 ms; the active workers after each.
  private func run(_ scaling: inout WorkerScaling, cores: Double, windows: Int, from start: inout UInt64) -> [Int] {
    (0..<windows).map { _ in
      let end = start + 50_000_000
      scaling.measured(cores: cores, window: start..<end)
      start = end
      return scaling.active
    }
  }

  @Test func oneWorkerServesUntilItIsBusy() {
    var scaling = WorkerScaling(maximum: 4, busyShare: 0.6)
    var time: UInt64 = 1
    #expect(run(&scaling, cores: 0.59, windows: 100, from: &time).last == 1)
    #expect(run(&scaling, cores: 0.7, windows: 19, from: &time).last == 1)
    #expect(run(&scaling, cores: 0.7, windows: 1, from: &time) == [2])
  }

  @Test func aShortBurstMakesNobodyJoin() {
    var scaling = WorkerScaling(maximum: 4, busyShare: 0.6)
    var time: UInt64 = 1
    for _ in 0..<20 {
      #expect(run(&scaling, cores: 1, windows: 19, from: &time).last == 1)
      #expect(run(&scaling, cores: 0.5, windows: 1, from: &time).last == 1)
    }
  }

  @Test func workersJoinOneByOneUpToTheMost() {
    var scaling = WorkerScaling(maximum: 3, busyShare: 0.6)
    var time: UInt64 = 1
    #expect(run(&scaling, cores: 3, windows: 20, from: &time).last == 2)
    #expect(run(&scaling, cores: 3, windows: 20, from: &time).last == 3)
    #expect(run(&scaling, cores: 3, windows: 100, from: &time).last == 3)
  }

  @Test func oneLeavesWhenTheLoadHasFitTheOthersForTwoSeconds() {
    var scaling = WorkerScaling(maximum: 2, busyShare: 0.6)
    var time: UInt64 = 1
    #expect(run(&scaling, cores: 1.5, windows: 20, from: &time).last == 2)
    #expect(run(&scaling, cores: 0.4, windows: 39, from: &time).last == 2)
    #expect(run(&scaling, cores: 0.4, windows: 1, from: &time) == [1])
  }

  @Test func aBusyWindowBeginsTheWaitAnew() {
    var scaling = WorkerScaling(maximum: 2, busyShare: 0.6)
    var time: UInt64 = 1
    _ = run(&scaling, cores: 1.5, windows: 20, from: &time)
    _ = run(&scaling, cores: 0.4, windows: 39, from: &time)
    _ = run(&scaling, cores: 0.9, windows: 1, from: &time)
    #expect(run(&scaling, cores: 0.4, windows: 39, from: &time).last == 2)
  }

  @Test func theLoadThatMadeAWorkerJoinDoesNotMakeItLeave() {
    var scaling = WorkerScaling(maximum: 8, busyShare: 0.6)
    var time: UInt64 = 1
    // Two workers need no less CPU for the same work than one.
    for cores in stride(from: 0.61, through: 4.5, by: 0.13) {
      let active = run(&scaling, cores: cores, windows: 200, from: &time)
      #expect(active.suffix(50).allSatisfy { $0 == active.last }, "\(cores) cores: \(active)")
    }
  }

  @Test func aLongIdleTimeCountsAsQuiet() {
    var scaling = WorkerScaling(maximum: 2, busyShare: 0.6)
    scaling.measured(cores: 1.5, window: 0..<1_000_000_000)
    #expect(scaling.active == 2)
    // Nothing is measured while nothing happens: the next window is as long as that was.
    scaling.measured(cores: 0.001, window: 1_000_000_000..<60_000_000_000)
    #expect(scaling.active == 1)
  }

  @Test func aSingleWorkerStaysAlone() {
    var scaling = WorkerScaling(maximum: 0, busyShare: 0.6)
    scaling.measured(cores: 1, window: 0..<5_000_000_000)
    #expect(scaling.active == 1 && scaling.maximum == 1)
  }
}
