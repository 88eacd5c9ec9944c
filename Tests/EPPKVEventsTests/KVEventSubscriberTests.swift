import EPPCore
import EPPKVEvents
import EPPPrefixCache
import EPPTestKit
import Foundation
import Logging
import Testing
import ZeroMQ

/// Real publishers, real sockets.
@Suite struct KVEventSubscriberTests {
  private let prompt: [UInt32] = [1, 2, 3, 4, 5, 6, 7, 8]

  @Test(arguments: [TestPublisher.Layout.withTopic, .withoutTopic])
  func aLateSubscriberLearnsWhatWasBefore(_ layout: TestPublisher.Layout) async throws {
    let publisher = try TestPublisher(layout: layout)
    publisher.publish(EventBytes().storing([1, 2]).bytes())
    publisher.publish(EventBytes().storing([3, 4, 5], after: 2).bytes())
    let pool = try FollowedPool()
    let endpoint = pool.follow(publisher)
    try await pool.eventually("depth 5") { pool.depth(prompt, endpoint) == 5 }
    publisher.publish(EventBytes().storing([6], after: 5).bytes())
    try await pool.eventually("depth 6") { pool.depth(prompt, endpoint) == 6 }
    publisher.publish(EventBytes().removing([5, 6]).bytes())
    try await pool.eventually("depth 4") { pool.depth(prompt, endpoint) == 4 }
    publisher.publish(EventBytes().clearing().storing([1]).bytes())
    try await pool.eventually("depth 1") { pool.depth(prompt, endpoint) == 1 }
    #expect(pool.index.currentAnnouncements().followed.contains(endpoint.slot))
    try await pool.eventually("the status") {
      let status = pool.status(endpoint)
      return status?.state == .live && status?.isConnected == true && status?.isFollowed == true
        && status?.nextMessage == 5 && status?.messages == 5
    }
    try await pool.eventually("the gauge") { pool.metric("epp_kv_events_streams{state=\"live\"}") == "1" }
    #expect(pool.metric("epp_kv_events_stream_state{endpoint_name=\"engine-0\",rank=\"0\"}") == "2")
    #expect(pool.metric("epp_kv_events_messages_total{outcome=\"applied\"}") == "5")
    #expect(pool.metric("epp_kv_events_blocks_total{outcome=\"stored\"}") == "7")
    #expect(pool.log.lines(.warning) == [])
  }

  @Test func anEngineThatStartsLaterIsFollowed() async throws {
    let first = try TestPublisher()
    let (events, replay) = (first.events, first.replay)
    first.stop()
    let pool = try FollowedPool()
    let endpoint = FollowedPool.endpoint(3, events: events, replay: replay)
    pool.subscriber.follow(endpoint)
    try await pool.eventually("the stream") { pool.status(endpoint) != nil }
    let publisher = try TestPublisher(events: events, replay: replay)
    publisher.publish(EventBytes().storing([1, 2]).bytes())
    try await pool.eventually("depth 2") { pool.depth(prompt, endpoint) == 2 }
    try await pool.eventually("live") { pool.status(endpoint)?.state == .live }
  }

  @Test func lostMessagesAreReplayed() async throws {
    let publisher = try TestPublisher()
    let pool = try FollowedPool()
    let endpoint = pool.follow(publisher)
    publisher.publish(EventBytes().storing([1, 2]).bytes())
    try await pool.eventually("depth 2") { pool.depth(prompt, endpoint) == 2 }
    publisher.publish(EventBytes().storing([3], after: 2).bytes(), isLost: true)
    publisher.publish(EventBytes().storing([4], after: 3).bytes(), isLost: true)
    publisher.publish(EventBytes().storing([5], after: 4).bytes())
    publisher.publish(EventBytes().storing([6], after: 5).bytes())
    try await pool.eventually("depth 6") { pool.depth(prompt, endpoint) == 6 }
    try await pool.eventually("live") { pool.status(endpoint)?.state == .live }
    #expect(pool.status(endpoint)?.lostMessages == 0)
  }

  @Test func theLastMessageIsMissedByNobody() async throws {
    let publisher = try TestPublisher()
    let pool = try FollowedPool()
    let endpoint = pool.follow(publisher)
    publisher.publish(EventBytes().storing([1, 2]).bytes())
    try await pool.eventually("depth 2") { pool.depth(prompt, endpoint) == 2 }
    try await pool.eventually("quiet") { publisher.questions >= 2 }
    publisher.publish(EventBytes().storing([3], after: 2).bytes())
    publisher.publish(EventBytes().storing([4], after: 3).bytes(), isLost: true)
    try await pool.eventually("depth 4") { pool.depth(prompt, endpoint) == 4 }
  }

  @Test func aRestartEmptiesTheCache() async throws {
    let first = try TestPublisher()
    let pool = try FollowedPool()
    let endpoint = pool.follow(first)
    for block: UInt32 in 1...5 {
      first.publish(EventBytes().storing([block], after: block == 1 ? nil : block - 1).bytes())
    }
    try await pool.eventually("depth 5") { pool.depth(prompt, endpoint) == 5 }
    first.stop()
    // A new process has published less, and nothing comes any more: only the replay shows it.
    let second = try TestPublisher(events: first.events, replay: first.replay)
    second.publish(EventBytes().storing([1], salt: 1 << 32).bytes())
    try await pool.eventually("depth 1") { pool.depth(prompt, endpoint) == 1 }
    try await pool.eventually("live again") { pool.status(endpoint)?.state == .live }
    try await pool.eventually("one restart") { pool.status(endpoint)?.restarts == 1 }
    #expect(pool.status(endpoint)?.lostMessages == 0)
  }

  @Test func whatFailsIsCountedByTheNamesOfLLMD() async throws {
    let first = try TestPublisher()
    let pool = try FollowedPool()
    let endpoint = pool.follow(first)
    try await pool.eventually("connected") { pool.status(endpoint)?.isConnected == true }
    let pod = "pod_identifier=\"\(endpoint.address)\""
    #expect(pool.metric("llm_d_epp_kv_cache_events_subscriber_reconnections_total{\(pod)}") == "0")
    first.stop()
    let failures = { (operation: String) in
      Int(pool.metric("llm_d_epp_kv_cache_events_zmq_errors_total{\(pod),operation=\"\(operation)\"}") ?? "") ?? 0
    }
    // The connection has ended, and attempts to make it again fail.
    try await pool.eventually("the end") { failures("recv") == 1 }
    try await pool.eventually("failed attempts") { failures("connect") >= 2 }
    let attempts = pool.metric("llm_d_epp_kv_cache_events_subscriber_reconnections_total{\(pod)}")
    #expect(Int(attempts ?? "") ?? 0 >= failures("connect"))
    let second = try TestPublisher(events: first.events, replay: first.replay)
    second.publish(EventBytes().storing([1]).bytes())
    try await pool.eventually("depth 1") { pool.depth(prompt, endpoint) == 1 }
    #expect(failures("recv") == 1)
    try await pool.eventually("gauges") {
      pool.metric("llm_d_epp_kv_cache_events_pool_capacity") == "1"
        && pool.metric("llm_d_epp_kv_cache_events_pool_queue_depth") == "0"
    }
  }

  @Test func replaysAreCountedByTheNamesOfLLMD() async throws {
    var configuration = FollowedPool.configuration
    (configuration.replayIdleTimeout, configuration.replayTimeout) = (.seconds(1000), .seconds(1000))
    let pool = try FollowedPool(configuration)
    let (honest, silent) = (try TestPublisher(), try TestPublisher())
    silent.setReplay(.silent)
    for block: UInt32 in 1...3 { honest.publish(EventBytes().storing([block]).bytes()) }
    let endpoint = pool.follow(honest)
    let metric = { (name: String, endpoint: Endpoint) in
      pool.metric("llm_d_epp_kv_cache_events_replay_\(name){pod_identifier=\"\(endpoint.address)\"}")
    }
    let count = { (name: String) in metric(name, endpoint).flatMap { Int($0) } ?? 0 }
    // Further replays check whether something is missing, as soon as the stream is quiet.
    try await pool.eventually("a complete replay") { count("completed_total") >= 1 }
    #expect(count("processed_total") >= 3)
    try await pool.eventually("its end") { metric("active", endpoint) == "0" }
    let ended = try #require(metric("last_completion_timestamp_seconds", endpoint).flatMap(Double.init))
    #expect(abs(Date().timeIntervalSince1970 - ended) < 600)
    let other = pool.follow(silent, number: 1)
    try await pool.eventually("a replay under way") { metric("active", other) == "1" }
    #expect(metric("completed_total", other) == "0" && metric("last_completion_timestamp_seconds", other) == nil)
    pool.subscriber.unfollow(other.slot)
    try await pool.eventually("a stream that has ended") { metric("active", other) == nil }
  }

  @Test func aRestartThatHasComeFurtherIsSeen() async throws {
    let first = try TestPublisher()
    let pool = try FollowedPool()
    let endpoint = pool.follow(first)
    first.publish(EventBytes().storing([1, 2, 3, 4]).bytes())
    try await pool.eventually("depth 4") { pool.depth(prompt, endpoint) == 4 }
    first.stop()
    let second = try TestPublisher(events: first.events, replay: first.replay)
    second.publish(EventBytes().storing([1], salt: 1 << 32).bytes())
    second.publish(EventBytes().storing([2], after: 1, salt: 1 << 32).bytes())
    second.publish(EventBytes().storing([9], salt: 1 << 32).bytes())
    try await pool.eventually("depth 2") { pool.depth(prompt, endpoint) == 2 }
    try await pool.eventually("the other prompt") { pool.depth([9], endpoint) == 1 }
    try await pool.eventually("one restart") { pool.status(endpoint)?.restarts == 1 }
  }

  @Test func aLaterStartTimeIsARestart() async throws {
    let publisher = try TestPublisher()
    publisher.publish(EventBytes().storing([1, 2]).bytes())
    let pool = try FollowedPool()
    let endpoint = pool.follow(publisher)
    try await pool.eventually("depth 2") { pool.depth(prompt, endpoint) == 2 }
    pool.subscriber.noteStart(of: endpoint.slot, at: 1000)
    pool.subscriber.noteStart(of: endpoint.slot, at: 999)
    publisher.forgetMessages()
    pool.subscriber.noteStart(of: endpoint.slot, at: 1001)
    try await pool.eventually("depth 0") { pool.depth(prompt, endpoint) == 0 }
    try await pool.eventually("one restart") { pool.status(endpoint)?.restarts == 1 }
  }

  @Test func whatProvesWrongIsLearnedAnewButNotAllTheTime() async throws {
    let publisher = try TestPublisher()
    publisher.publish(EventBytes().storing([1, 2]).bytes())
    let pool = try FollowedPool()
    let endpoint = pool.follow(publisher)
    try await pool.eventually("depth 2") { pool.depth(prompt, endpoint) == 2 }
    try await pool.eventually("the status") { pool.status(endpoint)?.messages == 1 }
    pool.subscriber.resynchronise(endpoint.slot, .holdsLess)
    try await pool.eventually("it was learned anew") {
      pool.status(endpoint)?.messages == 2 && pool.depth(prompt, endpoint) == 2
    }
    // There is something to forget, and nothing that would bring it back.
    publisher.publish(EventBytes().storing([3], after: 2).bytes(), forgettingEarlier: true)
    pool.subscriber.resynchronise(endpoint.slot, .holdsLess)
    publisher.publish(EventBytes().storing([4], after: 3).bytes())
    try await pool.eventually("depth 4") { pool.depth(prompt, endpoint) == 4 }
    #expect(pool.status(endpoint)?.restarts == 0)
  }

  @Test func withoutAReplaySocketWhatWasBeforeIsMissing() async throws {
    let publisher = try TestPublisher()
    // Lost for sure: a publisher's thread that begins late might send it to the subscriber after all.
    publisher.publish(EventBytes().storing([1, 2]).bytes(), isLost: true)
    let pool = try FollowedPool()
    let endpoint = pool.follow(publisher, hasReplay: false)
    try await pool.eventually("connected") { pool.status(endpoint)?.isConnected == true }
    // The subscription may reach the publisher later than the connection: it goes on until something comes.
    var block: UInt32 = 20
    try await pool.eventually("degraded") {
      publisher.publish(EventBytes().storing([block]).bytes())
      block += 1
      return pool.status(endpoint)?.state == .degraded
    }
    #expect(pool.log.lines(.warning).count == 1)
    #expect(pool.log.lines(.warning).first?.contains("--kv-replay-port") == true)
    publisher.publish(EventBytes().clearing().storing([1]).bytes())
    try await pool.eventually("live") { pool.status(endpoint)?.state == .live && pool.depth(prompt, endpoint) == 1 }
  }

  @Test func anEngineThatLeavesIsForgotten() async throws {
    let publisher = try TestPublisher()
    publisher.publish(EventBytes().storing([1, 2]).bytes())
    let pool = try FollowedPool()
    let endpoint = pool.follow(publisher)
    try await pool.eventually("depth 2") { pool.depth(prompt, endpoint) == 2 }
    pool.subscriber.unfollow(endpoint.slot)
    try await pool.eventually("depth 0") { pool.depth(prompt, endpoint) == 0 }
    try await pool.eventually("no stream") { pool.subscriber.currentStreams().isEmpty }
    #expect(!pool.index.currentAnnouncements().followed.contains(endpoint.slot))
    // The streams on the page are those of a moment ago.
    try await pool.eventually("no series") {
      pool.metric("epp_kv_events_stream_state{endpoint_name=\"engine-0\",rank=\"0\"}") == nil
    }
    pool.subscriber.stop()
    #expect(pool.log.lines(.warning) == [])
  }

  @Test func anEndpointThatTakesAnotherPlaceKeepsItsSeries() async throws {
    let pool = try FollowedPool()
    let (before, after) = (try TestPublisher(), try TestPublisher())
    after.publish(EventBytes().storing([1, 2]).bytes())
    let first = pool.follow(before, number: 1)
    // The same name at another address, in a slot of its own: told of before the first one leaves.
    var second = FollowedPool.endpoint(2, events: after.events, replay: after.replay)
    second.name = first.name
    pool.subscriber.follow(second)
    pool.subscriber.unfollow(first.slot)
    let state = "epp_kv_events_stream_state{endpoint_name=\"engine-1\",rank=\"0\"}"
    try await pool.eventually("depth 2") { pool.depth(prompt, second) == 2 }
    try await pool.eventually("one stream") { pool.subscriber.currentStreams().count == 1 }
    try await pool.eventually("the series") { pool.metric(state) == "2" }
    pool.subscriber.unfollow(second.slot)
    try await pool.eventually("no series") { pool.metric(state) == nil }
  }

  @Test func anEngineWhoseEventsStayAwayIsGuessedAgain() async throws {
    let publisher = try TestPublisher()
    publisher.publish(EventBytes().storing([1, 2]).bytes())
    let pool = try FollowedPool()
    let endpoint = pool.follow(publisher)
    try await pool.eventually("followed") { pool.index.currentAnnouncements().followed.contains(endpoint.slot) }
    publisher.stop()
    try await pool.eventually("not followed") { !pool.index.currentAnnouncements().followed.contains(endpoint.slot) }
    try await pool.eventually("the warning") {
      pool.log.lines(.warning).count { $0.contains("cannot be reached") } == 1
    }
    let again = try TestPublisher(events: publisher.events, replay: publisher.replay)
    try await pool.eventually("followed again") { pool.index.currentAnnouncements().followed.contains(endpoint.slot) }
    _ = again
  }

  @Test func ranksHaveCachesOfTheirOwn() async throws {
    var configuration = FollowedPool.configuration
    configuration.dataParallelSize = 2
    // Two free ports in a row, for both sockets: tried until there are.
    let context = Context()
    let (first, second) = try Self.neighbours(context)
    let pool = try FollowedPool(configuration)
    let endpoint = pool.follow(first)
    first.publish(EventBytes().storing([1, 2, 3]).bytes(rank: 0))
    second.publish(EventBytes().storing([1, 2, 3, 4, 5]).bytes(rank: 1))
    try await pool.eventually("depth 5") { pool.depth(prompt, endpoint) == 5 }
    second.publish(EventBytes().clearing().bytes(rank: 1))
    try await pool.eventually("depth 3") { pool.depth(prompt, endpoint) == 3 }
    try await pool.eventually("the streams") { pool.subscriber.currentStreams().map(\.rank) == [0, 1] }
  }

  private static func neighbours(_ context: Context) throws -> (TestPublisher, TestPublisher) {
    for _ in 0..<100 {
      let (events, replays) = (FreePorts.next(2), FreePorts.next(2))
      let both = zip(events, replays).compactMap { events, replay in
        try? TestPublisher(events: "tcp://127.0.0.1:\(events)", replay: "tcp://127.0.0.1:\(replay)", context: context)
      }
      if both.count == 2 { return (both[0], both[1]) }
    }
    throw CancellationError()
  }

  @Test func manyEnginesAreFollowedAtOnce() async throws {
    let context = Context()
    let publishers = try (0..<200).map { _ in try TestPublisher(context: context) }
    let pool = try FollowedPool()
    var endpoints: [Endpoint] = []
    for (number, publisher) in publishers.enumerated() {
      publisher.publish(EventBytes().storing([1]).bytes())
      endpoints.append(pool.follow(publisher, number: number))
    }
    for publisher in publishers { publisher.publish(EventBytes().storing([2], after: 1).bytes()) }
    try await pool.eventually("depth 2 everywhere") {
      endpoints.allSatisfy { pool.depth(prompt, $0) == 2 }
    }
    try await pool.eventually("all live") {
      pool.subscriber.currentStreams().count { $0.state == .live } == 200
    }
  }

  @Test func enginesThatConnectAreKnownByTheirTopic() async throws {
    var configuration = FollowedPool.configuration
    configuration.bindAddress = "tcp://127.0.0.1:*"
    let pool = try FollowedPool(configuration)
    let address = try #require(pool.subscriber.boundAddress)
    let publishers = try (1...2).map {
      try TestPublisher(topic: "kv@10.0.0.\($0):8000@some@model", central: address)
    }
    let endpoints = publishers.enumerated().map { FollowedPool.endpoint($0.offset + 1, replay: $0.element.replay) }
    for endpoint in endpoints { pool.subscriber.follow(endpoint) }
    let stranger = try TestPublisher(topic: "kv@10.0.0.99@m", central: address)
    let unnamed = try TestPublisher(central: address)
    publishers[0].publish(EventBytes().storing([1, 2]).bytes())
    publishers[1].publish(EventBytes().storing([1, 2, 3]).bytes())
    try await pool.eventually("misdirected messages") {
      stranger.publish(EventBytes().storing([1]).bytes())
      unnamed.publish(EventBytes().storing([1]).bytes())
      // Until the subscription has arrived nothing does; the first messages are then found by replay.
      for publisher in publishers { publisher.publish(EventBytes().bytes()) }
      return Int(pool.metric("epp_kv_events_messages_total{outcome=\"misdirected\"}") ?? "0") ?? 0 >= 4
        && pool.depth(prompt, endpoints[0]) == 2 && pool.depth(prompt, endpoints[1]) == 3
    }
    #expect(pool.log.lines(.warning).count { $0.contains("topic") } == 2)
  }

  /// A pool's knowledge of an endpoint, for another one to go on from.
  private func snapshot(_ pool: FollowedPool, _ endpoint: Endpoint) throws -> AnnouncedSnapshot {
    var snapshot = AnnouncedSnapshot()
    try #require(pool.index.copyAnnounced(of: endpoint.slot, into: &snapshot))
    return snapshot
  }

  @Test func anotherProcessGoesOnFromASnapshot() async throws {
    let publisher = try TestPublisher()
    publisher.publish(EventBytes().storing([1, 2]).bytes())
    let first = try FollowedPool()
    let endpoint = first.follow(publisher)
    try await first.eventually("depth 2") { first.depth(prompt, endpoint) == 2 }
    publisher.publish(EventBytes().storing([3], after: 2).bytes())
    try await first.eventually("depth 3") { first.depth(prompt, endpoint) == 3 }
    let snapshot = try snapshot(first, endpoint)
    // All but the last message is gone from the publisher's memory: a new process could not learn of blocks 1 and 2.
    publisher.forgetMessages(keeping: 1)
    publisher.publish(EventBytes().storing([4], after: 3).bytes())
    let second = try FollowedPool(resuming: { _, _ in snapshot })
    _ = second.follow(publisher)
    try await second.eventually("depth 4") { second.depth(prompt, endpoint) == 4 }
    try await second.eventually("live") { second.status(endpoint)?.state == .live }
    #expect(second.status(endpoint)?.messages == 1)
  }

  @Test func aSnapshotOfAnotherProcessOfTheEngineIsForgotten() async throws {
    let publisher = try TestPublisher()
    publisher.publish(EventBytes().storing([1, 2, 3, 4]).bytes())
    let first = try FollowedPool()
    let endpoint = first.follow(publisher)
    try await first.eventually("depth 4") { first.depth(prompt, endpoint) == 4 }
    let snapshot = try snapshot(first, endpoint)
    let other = try TestPublisher()
    other.publish(EventBytes().storing([1], salt: 1 << 32).bytes())
    let second = try FollowedPool(resuming: { _, _ in snapshot })
    _ = second.follow(other)
    try await second.eventually("depth 1") { second.depth(prompt, endpoint) == 1 }
    try await second.eventually("a restart") { second.status(endpoint)?.restarts == 1 }
  }
}
