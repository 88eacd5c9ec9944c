import EPPCore
import EPPTestKit
import Testing

@testable import EPPKubernetes

@Suite struct AccessDecisionsTests {
  private let now = MonotonicTime.milliseconds(1_000_000)

  @Test(arguments: [(PageAccess.granted, 60), (.forbidden, 30), (.unauthenticated, 10)])
  func aDecisionIsKeptForAWhile(decision: PageAccess, seconds: Int) {
    var decisions = AccessDecisions()
    decisions.insert(decision, token: "t", path: "/metrics", now: now)
    let end = now.advanced(by: .seconds(seconds))
    #expect(decisions.decision(token: "t", path: "/metrics", now: end.advanced(by: .milliseconds(-1))) == decision)
    #expect(decisions.decision(token: "t", path: "/metrics", now: end) == nil)
    #expect(decisions.decision(token: "t", path: "/debug/kv-events", now: now) == nil)
    #expect(decisions.decision(token: "u", path: "/metrics", now: now) == nil)
  }

  @Test func whatCouldNotBeDecidedIsAskedAgain() {
    var decisions = AccessDecisions()
    decisions.insert(.undecided(reason: "x"), token: "t", path: "/metrics", now: now)
    #expect(decisions.decision(token: "t", path: "/metrics", now: now) == nil)
  }

  @Test func manyTokensDoNotFillTheMemory() {
    var decisions = AccessDecisions()
    for number in 0..<10_000 { decisions.insert(.unauthenticated, token: "\(number)", path: "/metrics", now: now) }
    let kept = (0..<10_000).count { decisions.decision(token: "\($0)", path: "/metrics", now: now) != nil }
    #expect((1...256).contains(kept))
  }
}
