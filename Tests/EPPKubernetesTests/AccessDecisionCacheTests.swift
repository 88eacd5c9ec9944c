import EPPCore
import EPPTestKit
import Testing

@testable import EPPKubernetes

@Suite struct AccessDecisionCacheTests {
  private let now = MonotonicTime.milliseconds(1_000_000)

  @Test(arguments: [(AccessDecision.allowed, 60), (.forbidden, 30), (.unauthenticated, 10)])
  func aDecisionIsKeptForAWhile(decision: AccessDecision, seconds: Int) {
    var cache = AccessDecisionCache()
    cache.insert(decision, token: "t", path: "/metrics", now: now)
    let end = now.advanced(by: .seconds(seconds))
    #expect(cache.decision(token: "t", path: "/metrics", now: end.advanced(by: .milliseconds(-1))) == decision)
    #expect(cache.decision(token: "t", path: "/metrics", now: end) == nil)
    #expect(cache.decision(token: "t", path: "/debug/kv-events", now: now) == nil)
    #expect(cache.decision(token: "u", path: "/metrics", now: now) == nil)
  }

  @Test func whatCouldNotBeDecidedIsAskedAgain() {
    var cache = AccessDecisionCache()
    cache.insert(.undecided("x"), token: "t", path: "/metrics", now: now)
    #expect(cache.decision(token: "t", path: "/metrics", now: now) == nil)
  }

  @Test func manyTokensDoNotFillTheMemory() {
    var cache = AccessDecisionCache()
    for number in 0..<10_000 { cache.insert(.unauthenticated, token: "\(number)", path: "/metrics", now: now) }
    let kept = (0..<10_000).count { cache.decision(token: "\($0)", path: "/metrics", now: now) != nil }
    #expect((1...256).contains(kept))
  }
}
