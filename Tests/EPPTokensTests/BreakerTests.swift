import EPPCore
import Testing

@testable import EPPTokens

@Suite struct BreakerTests {
  /// A breaker at times in seconds.
  private final class Subject {
    private var breaker = Breaker()
    private var asker = Breaker().generation

    func admits(_ seconds: Double) -> Bool {
      guard let generation = breaker.admit(now: time(seconds)) else { return false }
      asker = generation
      return true
    }

    /// Whoever was admitted last, or somebody who was admitted when nothing had failed yet.
    func failed(_ seconds: Double, isFirst: Bool = false) {
      breaker.failed(isFirst ? Breaker().generation : asker, now: time(seconds))
    }

    func succeeded() { breaker.succeeded() }

    private func time(_ seconds: Double) -> MonotonicTime { MonotonicTime(nanoseconds: UInt64(seconds * 1e9)) }
  }

  @Test func threeFailuresRunningOpenIt() {
    let subject = Subject()
    for _ in 0..<10 {
      subject.failed(1)
      subject.failed(1)
      subject.succeeded()
    }
    #expect(subject.admits(1))
    for _ in 0..<3 { subject.failed(2) }
    #expect(!subject.admits(2.5))
  }

  @Test func oneTriesItOutAndDoublesThePause() {
    let subject = Subject()
    for _ in 0..<3 { subject.failed(0) }
    var now = 0.0
    for pause in [1.0, 2, 4, 8, 16, 30, 30, 30] {
      #expect(!subject.admits(now + pause - 0.01))
      now += pause
      #expect(subject.admits(now))
      #expect(!subject.admits(now), "others wait for the result of the one")
      subject.failed(now)
    }
    now += 30
    #expect(subject.admits(now))
    subject.succeeded()
    for _ in 0..<2 {
      #expect(subject.admits(now))
      subject.failed(now)
    }
    #expect(subject.admits(now), "three are tolerated again")
    subject.failed(now)
    #expect(!subject.admits(now + 0.99) && subject.admits(now + 1))
  }

  @Test func manyThatFailTogetherAreOneFailure() {
    let subject = Subject()
    for _ in 0..<64 { subject.failed(0) }
    #expect(subject.admits(1), "those that were asked before it opened say no more than one of them")
  }

  @Test func whoWasAskedBeforeItOpenedSaysNothingOfTheTrial() {
    let subject = Subject()
    for _ in 0..<3 { subject.failed(0) }
    #expect(subject.admits(1))
    for _ in 0..<5 { subject.failed(1.5, isFirst: true) }
    #expect(!subject.admits(1.9), "the trial goes on")
    subject.succeeded()
    for _ in 0..<5 { subject.failed(1.95, isFirst: true) }
    #expect(subject.admits(1.96), "the engine answers")
  }

  @Test func anAnswerOfOneWhoWasAskedBeforeItOpenedClosesIt() {
    let subject = Subject()
    for _ in 0..<3 { subject.failed(0) }
    #expect(!subject.admits(0.5))
    subject.succeeded()
    #expect(subject.admits(0.5))
  }

  @Test func aTrialThatIsNeverHeardOfIsFollowedByAnother() {
    let subject = Subject()
    for _ in 0..<3 { subject.failed(0) }
    #expect(subject.admits(1))
    #expect(!subject.admits(1.5))
    #expect(subject.admits(2))
    // The second one's pause is not the first one's to double.
    subject.failed(2, isFirst: true)
    #expect(subject.admits(3))
  }
}
