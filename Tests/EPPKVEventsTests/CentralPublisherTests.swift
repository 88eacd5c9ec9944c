import EPPCore
import EPPKVEvents
import EPPTestKit
import Logging
import Testing

/// Engines that connect to the subscriber.
@Suite struct CentralPublisherTests {
  private let prompt: [UInt32] = [1, 2, 3, 4, 5, 6, 7, 8]

  private func pool(_ change: (inout KVEventsConfiguration) -> Void = { _ in }) throws -> FollowedPool {
    var configuration = FollowedPool.configuration
    configuration.bindAddress = "tcp://127.0.0.1:*"
    change(&configuration)
    return try FollowedPool(configuration)
  }

  @Test func aChangeOfLabelsForgetsNothing() async throws {
    let pool = try pool()
    let address = try #require(pool.subscriber.boundAddress)
    let publisher = try TestPublisher(topic: "kv@10.0.0.1:8000@m", central: address)
    var endpoint = FollowedPool.endpoint(1, replay: publisher.replay)
    pool.subscriber.follow(endpoint)
    publisher.publish(EventBytes().storing([1, 2]).bytes())
    try await pool.eventually("depth 2") {
      // Until the subscription has arrived nothing does; the first message is then found by replay.
      publisher.publish(EventBytes().bytes())
      return pool.depth(prompt, endpoint) == 2
    }
    // Whoever would ask again would get nothing.
    publisher.publish(EventBytes().storing([3], after: 2).bytes(), forgettingEarlier: true)
    endpoint.labels = ["role": "decode"]
    pool.subscriber.follow(endpoint)
    publisher.publish(EventBytes().storing([4], after: 3).bytes())
    try await pool.eventually("depth 4") { pool.depth(prompt, endpoint) == 4 }

    // Another replay address is another stream.
    endpoint.kvReplay = "tcp://127.0.0.1:9"
    pool.subscriber.follow(endpoint)
    try await pool.eventually("depth 0") { pool.depth(prompt, endpoint) == 0 }
  }

  @Test func ranksThatNobodyHasAreRefused() async throws {
    let pool = try pool { $0.dataParallelSize = 2 }
    let address = try #require(pool.subscriber.boundAddress)
    let publisher = try TestPublisher(topic: "kv@10.0.0.1:8000@m", central: address)
    let endpoint = FollowedPool.endpoint(1)
    pool.subscriber.follow(endpoint)
    try await pool.eventually("misdirected messages") {
      publisher.publish(EventBytes().storing([1, 2, 3]).bytes(rank: 2))
      publisher.publish(EventBytes().storing([1, 2]).bytes(rank: 1))
      return Int(pool.metric("epp_kv_events_messages_total{outcome=\"misdirected\"}") ?? "0") ?? 0 >= 3
        && pool.depth(prompt, endpoint) == 2
    }
    try await pool.eventually("the status") { pool.subscriber.currentStreams().map(\.rank) == [1] }
    #expect(pool.log.lines(.warning).count { $0.contains("--kv-data-parallel-size") } == 1)
  }

  @Test func anyRankIsTakenWhereNoneIsSaid() async throws {
    let pool = try pool()
    let address = try #require(pool.subscriber.boundAddress)
    let publisher = try TestPublisher(topic: "kv@10.0.0.1:8000@m", central: address)
    let endpoint = FollowedPool.endpoint(1)
    pool.subscriber.follow(endpoint)
    try await pool.eventually("depth 2") {
      publisher.publish(EventBytes().storing([1, 2]).bytes(rank: 7))
      return pool.depth(prompt, endpoint) == 2
    }
  }

  @Test func garbageAndAnEmptyTopicAreBothSaid() async throws {
    let pool = try pool()
    let address = try #require(pool.subscriber.boundAddress)
    let publisher = try TestPublisher(central: address)
    func count(_ outcome: String) -> Int {
      Int(pool.metric("epp_kv_events_messages_total{outcome=\"\(outcome)\"}") ?? "0") ?? 0
    }
    try await pool.eventually("messages of both kinds") {
      publisher.send([[]])
      publisher.publish(EventBytes().storing([1]).bytes())
      return count("unreadable") > 2 && count("misdirected") > 2
    }
    #expect(pool.log.lines(.warning).count == 2)
  }
}
