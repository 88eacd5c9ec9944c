import EPPCore
import EPPMetrics
import NIOHTTP1
import RoutingProxy
import Testing

@Suite struct SessionRecallTests {
  private func time(_ seconds: UInt64) -> MonotonicTime { MonotonicTime(nanoseconds: seconds * 1_000_000_000) }

  @Test func aSessionComesBackWhereverItsClientIs() {
    let recall = SessionRecall()
    #expect(recall.note(["x-session-id": "a"], peer: "10.0.0.1", now: time(0)) == .first)
    #expect(recall.note(["x-session-id": "a"], peer: "10.0.0.2", now: time(1)) == .returning)
    #expect(recall.note(["x-session-id": "b"], peer: "10.0.0.1", now: time(2)) == .first)
  }

  /// Proxies between the client and the pod change; the first address is the client's.
  @Test func withoutASessionTheClientCounts() {
    let recall = SessionRecall()
    #expect(recall.note(["x-forwarded-for": "203.0.113.1, 10.1.0.1"], peer: "10.2.0.1", now: time(0)) == .first)
    #expect(recall.note(["x-forwarded-for": "203.0.113.1,10.1.0.9"], peer: "10.2.0.9", now: time(0)) == .returning)
    #expect(recall.note(["x-forwarded-for": "203.0.113.2, 10.1.0.1"], peer: "10.2.0.1", now: time(0)) == .first)
    #expect(recall.note([:], peer: "10.2.0.1", now: time(0)) == .first)
    #expect(recall.note([:], peer: "10.2.0.1", now: time(0)) == .returning)
  }

  @Test func whatIsLongAgoIsForgotten() {
    let recall = SessionRecall()
    #expect(recall.note(["x-session-id": "a"], peer: nil, now: time(0)) == .first)
    #expect(recall.note(["x-session-id": "b"], peer: nil, now: time(3_600)) == .first)
    #expect(recall.note(["x-session-id": "b"], peer: nil, now: time(7_200)) == .returning)
    // The last request of a was two intervals ago, that of b is in the one before.
    #expect(recall.note(["x-session-id": "a"], peer: nil, now: time(7_201)) == .first)
    #expect(recall.note(["x-session-id": "b"], peer: nil, now: time(10_800)) == .returning)
  }

  @Test func requestsAreCounted() throws {
    let parts = try ProxyParts()
    for _ in 0..<3 {
      try parts.send("POST /v1/completions HTTP/1.1\r\nHost: pod\r\nContent-Length: 2\r\n\r\n{}")
      _ = try parts.request()
      try parts.reply("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
    }
    #expect(parts.metric(#"routing_sidecar_session_requests_total{outcome="first"}"#) == "1")
    #expect(parts.metric(#"routing_sidecar_session_requests_total{outcome="returning"}"#) == "2")
  }

  @Test func memoryIsBounded() {
    let recall = SessionRecall(maximumSessions: 8)
    for number in 0..<100 {
      #expect(recall.note(["x-session-id": "\(number)"], peer: nil, now: time(0)) == .first)
    }
    #expect(recall.note(["x-session-id": "99"], peer: nil, now: time(0)) == .returning)
    #expect(recall.note(["x-session-id": "50"], peer: nil, now: time(0)) == .first)
  }
}
