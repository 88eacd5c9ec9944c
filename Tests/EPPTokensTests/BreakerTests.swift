import EPPCore
import Testing

@testable import EPPTokens

@Suite struct BreakerTests {
  /// A breaker at times in seconds.
  private final class Subject {
    private var breaker = Breaker()

    var isNew: Bool { breaker == Breaker() }

    func admits(_ seconds: Double) -> Bool { breaker.admits(now: time(seconds)) }
    func failed(_ seconds: Double) { breaker.failed(now: time(seconds)) }
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
      #expect(!subject.admits(now), "others wait for what becomes of the one")
      subject.failed(now)
    }
    now += 30
    #expect(subject.admits(now))
    subject.succeeded()
    #expect(subject.isNew)
  }

  @Test func manyThatFailTogetherAreOneFailure() {
    let subject = Subject()
    for _ in 0..<64 { subject.failed(0) }
    #expect(subject.admits(1), "those that were asked before it opened say no more than one of them")
  }

  @Test func aTrialThatIsNeverHeardOfIsFollowedByAnother() {
    let subject = Subject()
    for _ in 0..<3 { subject.failed(0) }
    #expect(subject.admits(1))
    #expect(!subject.admits(1.5))
    #expect(subject.admits(2))
  }
}
