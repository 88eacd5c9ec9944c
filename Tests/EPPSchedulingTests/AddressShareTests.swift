import EPPCore
import EPPMetrics
import EPPScheduling
import EPPTestKit
import Synchronization
import Testing

@Suite struct AddressShareTests {
  private final class Warnings: Sendable {
    private let texts = Mutex<[String]>([])
    var all: [String] { texts.withLock { $0 } }
    func note(_ text: String) { texts.withLock { $0.append(text) } }
  }

  private let warnings = Warnings()

  private func router() -> SessionRouter {
    SessionRouter(
      scorers: [.wish("client_address")], endpoints: endpoints(4),
      sessions: SessionEnvironment(services: SessionServices { [warnings] in warnings.note($0) }))
  }

  /// Requests of one minute: `shared` of every 100 come from behind one address.
  private func minute(_ router: SessionRouter, requests: Int, shared: Int) {
    for number in 0..<requests {
      _ = router.send(from: number % 100 < shared ? "10.0.0.1" : "10.7.\(number / 250).\(number % 250)")
    }
    router.advance(seconds: 60)
  }

  private func share(_ router: SessionRouter) -> Double { router.count("epp_session_largest_address_share") }

  @Test func aMajorityOfOneAddressIsToldAndWarnedOfOnce() {
    let router = router()
    for _ in 0..<2 { minute(router, requests: 200, shared: 60) }
    #expect(warnings.all.isEmpty)
    minute(router, requests: 200, shared: 60)
    #expect(abs(share(router) - 0.6) < 0.01)
    #expect(warnings.all.count == 1)
    #expect(warnings.all.first?.hasPrefix("120 of 200 requests come from one client address") == true)
    for _ in 0..<5 { minute(router, requests: 200, shared: 60) }
    #expect(warnings.all.count == 1)
    // It ends, and comes again.
    for _ in 0..<3 { minute(router, requests: 200, shared: 10) }
    #expect(share(router) < 0.5)
    for _ in 0..<3 { minute(router, requests: 200, shared: 90) }
    #expect(warnings.all.count == 2)
  }

  @Test func halfOfTheRequestsAndFewRequestsAreNoMajority() {
    let half = router()
    for _ in 0..<6 { minute(half, requests: 200, shared: 50) }
    #expect(share(half) <= 0.5)
    let few = router()
    for _ in 0..<3 { minute(few, requests: 33, shared: 100) }
    #expect(share(few) == 0)
    #expect(warnings.all.isEmpty)
  }

  @Test func otherStrategiesMeasureNothing() {
    let router = SessionRouter(scorers: [.wish("session_id")], endpoints: endpoints(4))
    _ = router.send([("x-session-id", "1")], from: "10.0.0.1")
    #expect(!String(decoding: router.metrics.page(), as: UTF8.self).contains("\nepp_session_largest_address_share "))
  }
}
