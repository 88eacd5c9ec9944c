import EPPCore
import EPPKVEvents
import EPPPrefixCache
import EPPTestKit
import Logging
import Testing

/// Streams that have to find their way again: restarts, long replays, a lack of sockets.
@Suite struct KVStreamRecoveryTests {
  private let prompt: [UInt32] = [1, 2, 3, 4, 5, 6, 7, 8]

  /// Two publishers at one address, or one that does not count.
  @Test(arguments: [[0], [1000, 5]] as [[UInt64]], [true, false])
  func whoSeemsToBeStartedAnewAllTheTimeIsLeftAlone(_ numbers: [UInt64], hasReplay: Bool) async throws {
    var configuration = FollowedPool.configuration
    configuration.restartPause = .seconds(3600)
    let pool = try FollowedPool(configuration)
    let publisher = try TestPublisher()
    let endpoint = pool.follow(publisher, hasReplay: hasReplay)
    try await pool.eventually("connected") { pool.status(endpoint)?.isConnected == true }
    let payload = EventBytes().storing([1, 2]).bytes()
    let dropped = "epp_kv_events_messages_total{outcome=\"duplicate\"}"
    try await pool.eventually("many dropped messages") {
      for number in numbers { publisher.publish(payload, number: number) }
      return Int(pool.metric(dropped) ?? "0") ?? 0 > 100
    }
    try await pool.eventually("the status") {
      let status = pool.status(endpoint)
      return status?.state == .degraded && status?.isFollowed == false && status?.restarts == 4
    }
    #expect(pool.depth(prompt, endpoint) == 0)
    #expect(publisher.questions < 20)
    #expect(pool.log.lines(.info).count { $0.contains("started anew") } == 3)
    #expect(pool.log.lines(.warning).count { $0.contains("several publishers") } == 1)
    #expect(pool.metric("epp_kv_events_restarts_total{endpoint_name=\"engine-0\",rank=\"0\"}") == "4")
  }

  @Test func whoCountsAgainIsFollowedAgain() async throws {
    var configuration = FollowedPool.configuration
    configuration.restartPause = .milliseconds(50)
    let pool = try FollowedPool(configuration)
    let publisher = try TestPublisher()
    let endpoint = pool.follow(publisher)
    try await pool.eventually("many restarts") {
      publisher.publish(EventBytes().storing([9]).bytes(), number: 0)
      return pool.status(endpoint)?.restarts ?? 0 >= 4
    }
    publisher.publish(EventBytes().storing([1, 2]).bytes())
    publisher.publish(EventBytes().storing([3], after: 2).bytes())
    try await pool.eventually("depth 3") { pool.depth(prompt, endpoint) == 3 }
    try await pool.eventually("live") {
      pool.status(endpoint)?.state == .live && pool.status(endpoint)?.isFollowed == true
    }
    #expect(pool.log.lines(.warning).count { $0.contains("several publishers") } == 1)
  }

  @Test func aRestartIsNoticedOnce() async throws {
    let first = try TestPublisher()
    let pool = try FollowedPool()
    let endpoint = pool.follow(first)
    first.publish(EventBytes().storing([1, 2, 3]).bytes())
    try await pool.eventually("depth 3") { pool.depth(prompt, endpoint) == 3 }
    pool.subscriber.noteStart(of: endpoint.slot, at: 1000)
    first.stop()
    let second = try TestPublisher(events: first.events, replay: first.replay)
    second.publish(EventBytes().storing([1], salt: 1 << 32).bytes())
    try await pool.eventually("one restart") {
      pool.status(endpoint)?.restarts == 1 && pool.depth(prompt, endpoint) == 1
    }
    // The metrics page comes later, and what it would make forgotten could not be had again.
    second.publish(EventBytes().storing([2], after: 1, salt: 1 << 32).bytes(), forgettingEarlier: true)
    pool.subscriber.noteStart(of: endpoint.slot, at: 1001)
    second.publish(EventBytes().storing([3], after: 2, salt: 1 << 32).bytes())
    try await pool.eventually("depth 3") { pool.depth(prompt, endpoint) == 3 }
    #expect(pool.status(endpoint)?.restarts == 1)
    // The next one is another restart.
    second.forgetMessages()
    pool.subscriber.noteStart(of: endpoint.slot, at: 1002)
    try await pool.eventually("two restarts") {
      pool.status(endpoint)?.restarts == 2 && pool.depth(prompt, endpoint) == 0
    }
  }

  @Test func anEarlierStartTimeIsNotKeptForAnotherAddress() async throws {
    let (before, after) = (try TestPublisher(), try TestPublisher())
    before.publish(EventBytes().storing([1]).bytes())
    after.publish(EventBytes().storing([1, 2]).bytes())
    let pool = try FollowedPool()
    let endpoint = pool.follow(before)
    try await pool.eventually("depth 1") { pool.depth(prompt, endpoint) == 1 }
    // Pages of two processes behind one port.
    pool.subscriber.noteStart(of: endpoint.slot, at: 1000)
    pool.subscriber.noteStart(of: endpoint.slot, at: 999)
    _ = pool.follow(after)
    try await pool.eventually("depth 2") { pool.depth(prompt, endpoint) == 2 }
    pool.subscriber.noteStart(of: endpoint.slot, at: 1000)
    after.publish(EventBytes().storing([3], after: 2).bytes())
    try await pool.eventually("depth 3") { pool.depth(prompt, endpoint) == 3 }
    try await pool.eventually("the status") { pool.status(endpoint)?.nextMessage == 2 }
    #expect(pool.status(endpoint)?.restarts == 0)
  }

  @Test func aSnapshotKnowsWhenTheEngineWasStarted() async throws {
    let publisher = try TestPublisher()
    publisher.publish(EventBytes().storing([1, 2]).bytes())
    let pool = try FollowedPool()
    let endpoint = pool.follow(publisher)
    try await pool.eventually("depth 2") { pool.depth(prompt, endpoint) == 2 }
    // Nothing is published any more.
    pool.subscriber.noteStart(of: endpoint.slot, at: 1000)
    try await pool.eventually("the start time") {
      var snapshot = AnnouncedSnapshot()
      return pool.index.copyAnnounced(of: endpoint.slot, into: &snapshot)
        && snapshot.position?.engineStartTime == 1000
    }
  }

  /// The publisher's socket drops what the network does not take at once, and the subscriber's reads little ahead.
  @Test func aLongReplayIsFetchedWhole() async throws {
    let publisher = try TestPublisher(replayHighWaterMark: 1000)
    for block: UInt32 in 1...10_000 { publisher.publish(EventBytes().storing([block]).bytes(padding: 4000)) }
    var configuration = FollowedPool.configuration
    // Its end is among what is dropped, and waited for each time.
    configuration.replayIdleTimeout = .seconds(3)
    configuration.replayAttempts = 1000
    let pool = try FollowedPool(configuration)
    let endpoint = pool.follow(publisher)
    try await pool.eventually("all messages") {
      pool.status(endpoint)?.state == .live && pool.status(endpoint)?.nextMessage == 10_000
    }
    #expect(pool.status(endpoint)?.messages == 10_000 && pool.status(endpoint)?.lostMessages == 0)
    #expect(pool.depth([10_000], endpoint) == 1)
    #expect(pool.log.lines(.warning) == [])
  }

  @Test func aStreamWithoutASocketIsTriedAgain() async throws {
    var configuration = FollowedPool.configuration
    // A subscription and the two ends of its monitor.
    configuration.maximumSockets = 3
    let pool = try FollowedPool(configuration)
    let (first, second) = (try TestPublisher(), try TestPublisher())
    let endpoint = pool.follow(first, number: 1, hasReplay: false)
    try await pool.eventually("connected") { pool.status(endpoint)?.isConnected == true }
    let other = pool.follow(second, number: 2, hasReplay: false)
    try await pool.eventually("the warning") { pool.log.lines(.warning).contains { $0.contains("cannot be followed") } }
    pool.subscriber.unfollow(endpoint.slot)
    try await pool.eventually("the other one") { pool.status(other)?.isConnected == true }
    #expect(pool.log.lines(.warning).count == 1)
  }
}
