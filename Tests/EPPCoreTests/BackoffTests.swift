import EPPCore
import Testing

@Suite struct BackoffTests {
  @Test func delaysGrowByTheFactorUpToTheCeiling() {
    var backoff = Backoff(initial: .seconds(1), ceiling: .seconds(20), factor: 3)
    #expect((0..<5).map { _ in backoff.fail() } == [1, 3, 9, 20, 20].map { .seconds($0) })
  }

  @Test func aSuccessStartsAgainFromTheFirstDelay() {
    var backoff = Backoff(initial: .seconds(1), ceiling: .seconds(30))
    #expect(backoff.delay == nil)
    backoff.fail()
    #expect(backoff.fail() == .seconds(2))
    #expect(backoff.delay == .seconds(2))
    backoff.reset()
    #expect(backoff.delay == nil)
    #expect(backoff.fail() == .seconds(1))
  }

  @Test func theNextDelayIsKnownBeforeTheFailure() {
    var backoff = Backoff(initial: .seconds(2), ceiling: .seconds(5))
    for expected in [2, 4, 5, 5] {
      #expect(backoff.next == .seconds(expected))
      #expect(backoff.fail() == .seconds(expected))
    }
  }

  @Test func jitterCutsAShareOffEveryDelayAndDoesNotAddUp() {
    var backoff = Backoff(initial: .seconds(4), ceiling: .seconds(8), jitter: 0.25, place: 0.5)
    #expect((0..<3).map { _ in backoff.fail() } == [3500, 7000, 7000].map { .milliseconds($0) })
    #expect(backoff.delay == .milliseconds(7000))
  }

  @Test func aFirstDelayAboveTheCeilingIsTheCeiling() {
    var backoff = Backoff(initial: .seconds(60), ceiling: .seconds(5))
    #expect(backoff.fail() == .seconds(5))
  }
}
