import EPPKVEvents
import EPPPrefixCache
import EPPTestKit
import Logging
import Testing

/// Streams whose blocks cannot be indexed.
@Suite struct BlockUseTests {
  private func counts(stored: Int = 0, unusable: Int = 0, groupChanges: Int = 0) -> AnnouncedCounts {
    var counts = AnnouncedCounts()
    counts.stored = stored
    counts.unusable = unusable
    counts.groupChanges = groupChanges
    return counts
  }

  @Test func aFewBlocksSayNothing() {
    var use = BlockUse()
    use.note(counts(unusable: 63))
    #expect(!use.isMostlyUnusable)
    use.note(counts(unusable: 1))
    #expect(use.isMostlyUnusable)
  }

  @Test func mostOfTheBlocksDecide() {
    var use = BlockUse()
    use.note(counts(stored: 100, unusable: 90))
    #expect(!use.isMostlyUnusable)
    use.note(counts(unusable: 20))
    #expect(use.isMostlyUnusable)
    use.note(counts(stored: 20))
    #expect(!use.isMostlyUnusable)
  }

  /// A million good blocks do not hide what the engine does from now on.
  @Test func whatCameLongAgoCountsLittle() {
    var use = BlockUse()
    for _ in 0..<1000 { use.note(counts(stored: 1000)) }
    for _ in 0..<10 { use.note(counts(unusable: 1000)) }
    #expect(use.isMostlyUnusable)
  }

  @Test func anotherGroupBeginsAnew() {
    var use = BlockUse()
    use.note(counts(stored: 10, unusable: 100))
    #expect(use.isMostlyUnusable)
    use.note(counts(stored: 110, unusable: 15, groupChanges: 1))
    #expect(!use.isMostlyUnusable)
  }

  @Test func aStreamWhoseBlocksCannotBeIndexedIsDegradedAndSaysWhy() async throws {
    let publisher = try TestPublisher()
    let pool = try FollowedPool()
    defer { pool.subscriber.stop() }
    let endpoint = pool.follow(publisher)
    publisher.publish(EventBytes().storing(Array(1...100), kind: "sliding_window").bytes())
    try await pool.eventually("degraded") { pool.status(endpoint)?.state == .degraded }
    let status = try #require(pool.status(endpoint))
    #expect(!status.isFollowed)
    #expect(status.reason?.contains("cannot be indexed") == true)
    #expect(pool.log.lines(.warning).contains { $0.contains("cannot be indexed") })
    publisher.publish(EventBytes().storing(Array(1...200), kind: "full_attention").bytes())
    try await pool.eventually("live") { pool.status(endpoint)?.state == .live }
    #expect(pool.status(endpoint)?.isFollowed == true)
    #expect(pool.status(endpoint)?.reason == nil)
  }
}
