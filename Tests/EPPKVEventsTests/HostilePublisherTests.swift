import EPPCore
import EPPKVEvents
import EPPPrefixCache
import EPPTestKit
import Logging
import NIOCore
import NIOPosix
import Testing
import ZeroMQ

/// Publishers that send what no engine does: each costs bounded memory and one warning, and the others go on.
@Suite struct HostilePublisherTests {
  @Test func garbageIsCountedAndSaidOnce() async throws {
    let pool = try FollowedPool()
    let (bad, good) = (try TestPublisher(), try TestPublisher())
    let (badEndpoint, goodEndpoint) = (pool.follow(bad, number: 1), pool.follow(good, number: 2))
    good.publish(EventBytes().storing([1, 2]).bytes())
    try await pool.eventually("connected") { pool.status(badEndpoint)?.isConnected == true }
    try await pool.eventually("unreadable messages") {
      bad.send([[1, 2, 3]])
      bad.send([[], [0, 0, 0, 0, 0, 0, 0, 1]])
      bad.send([[], [0, 0, 0, 1], [0x90]])
      bad.send([[], [UInt8](repeating: 255, count: 8), [0x90]])
      bad.send([[], [0, 0, 0, 0, 0, 0, 0, 1], [0x90], [1], [2], [3], [4], [5], [6]])
      bad.send([])
      return pool.status(badEndpoint)?.unreadableMessages ?? 0 > 50
    }
    try await pool.eventually("depth 2") { pool.depth([1, 2], goodEndpoint) == 2 }
    #expect(pool.log.lines(.warning).count == 1)
    // What is right is taken up.
    bad.publish(EventBytes().storing([1, 2, 3]).bytes())
    try await pool.eventually("depth 3") { pool.depth([1, 2, 3], badEndpoint) == 3 }
  }

  @Test func anUnreadablePayloadLeavesTheStreamDegraded() async throws {
    let pool = try FollowedPool()
    let publisher = try TestPublisher()
    let endpoint = pool.follow(publisher)
    publisher.publish(EventBytes().storing([1, 2]).bytes())
    try await pool.eventually("depth 2") { pool.depth([1, 2], endpoint) == 2 }
    publisher.publish([0x93, 0xc1, 0xc1, 0xc1])
    publisher.publish(EventBytes().storing([3], after: 2).bytes())
    try await pool.eventually("depth 3") { pool.depth([1, 2, 3], endpoint) == 3 }
    try await pool.eventually("degraded") { pool.status(endpoint)?.state == .degraded }
  }

  @Test func aReplayWithoutEndIsGivenUp() async throws {
    var configuration = FollowedPool.configuration
    configuration.maximumReplayMessages = 500
    // However long the test takes, it is asked for once.
    (configuration.replayPause, configuration.longestReplayPause) = (.seconds(3600), .seconds(3600))
    let pool = try FollowedPool(configuration)
    let publisher = try TestPublisher()
    publisher.setReplay(.endless)
    publisher.publish(EventBytes().storing([1]).bytes())
    let endpoint = pool.follow(publisher)
    try await pool.eventually("degraded") { pool.status(endpoint)?.state == .degraded }
    #expect(pool.metric("epp_kv_events_replays_total{outcome=\"excessive\"}") == "1")
    try await pool.eventually("the warning") { pool.log.lines(.warning).contains { $0.contains("does not end") } }
  }

  @Test func aReplayThatComesInPiecesForEverIsGivenUp() async throws {
    var configuration = FollowedPool.configuration
    (configuration.replayPause, configuration.longestReplayPause) = (.seconds(3600), .seconds(3600))
    let pool = try FollowedPool(configuration)
    let publisher = try TestPublisher()
    publisher.setReplay(.leaky)
    publisher.publish(EventBytes().storing([1]).bytes())
    let endpoint = pool.follow(publisher)
    try await pool.eventually("given up") {
      pool.metric("epp_kv_events_replays_total{outcome=\"excessive\"}") == "1"
        && pool.status(endpoint)?.state == .degraded
    }
    #expect(publisher.questions <= FollowedPool.configuration.maximumReplayAsks)
    #expect(pool.log.lines(.warning).count { $0.contains("leaves something out") } == 1)
  }

  @Test func aReplayThatIsNotAnsweredIsAskedForAgainAndThenGivenUp() async throws {
    let pool = try FollowedPool(FollowedPool.impatient)
    let publisher = try TestPublisher()
    publisher.setReplay(.silent)
    let endpoint = pool.follow(publisher)
    try await pool.eventually("degraded") { pool.status(endpoint)?.state == .degraded }
    // One that was given up may not have got there.
    try await pool.eventually("three questions") { publisher.questions >= 3 }
    publisher.setReplay(.honest)
    publisher.publish(EventBytes().storing([1, 2]).bytes())
    try await pool.eventually("depth 2") { pool.depth([1, 2], endpoint) == 2 }
  }

  @Test func aReplaySocketThatIsNoneIsSaidOnce() async throws {
    let pool = try FollowedPool(FollowedPool.impatient)
    let publisher = try TestPublisher()
    publisher.setReplay(.garbage)
    let endpoint = pool.follow(publisher)
    try await pool.eventually("degraded") { pool.status(endpoint)?.state == .degraded }
    publisher.publish(EventBytes().storing([1, 2]).bytes())
    try await pool.eventually("depth 2") { pool.depth([1, 2], endpoint) == 2 }
    func lines(_ text: String) -> Int { pool.log.lines(.warning).count { $0.contains(text) } }
    try await pool.eventually("the warning") { lines("replay socket answers") == 1 }
    // That it has no end either is another matter.
    try await pool.eventually("the other warning") { lines("breaks off") == 1 }
    #expect(lines("replay socket answers") == 1)
  }

  @Test func aCheckThatIsNotAnsweredIsMadeAgain() async throws {
    let pool = try FollowedPool(FollowedPool.impatient)
    let publisher = try TestPublisher()
    let endpoint = pool.follow(publisher)
    publisher.publish(EventBytes().storing([1]).bytes())
    try await pool.eventually("depth 1") { pool.depth([1, 2], endpoint) == 1 }
    publisher.setReplay(.silent)
    // Until the subscription has reached the publisher nothing comes by it.
    try await pool.eventually("live messages") {
      publisher.publish(EventBytes().bytes())
      return pool.status(endpoint)?.nextMessage ?? 0 > 1
    }
    func unanswered() -> Int { Int(pool.metric("epp_kv_events_replays_total{outcome=\"broken_off\"}") ?? "") ?? 0 }
    let before = unanswered()
    publisher.publish(EventBytes().storing([2], after: 1).bytes(), isLost: true)
    try await pool.eventually("a check without an answer") { unanswered() > before }
    publisher.setReplay(.honest)
    try await pool.eventually("depth 2") { pool.depth([1, 2], endpoint) == 2 }
  }

  @Test func whoseReplayAloneStillComesIsNotFollowed() async throws {
    var configuration = FollowedPool.configuration
    // From one step to the next this test may be away for longer than a replay should be silent.
    configuration.replayIdleTimeout = .seconds(1000)
    configuration.replayTimeout = .seconds(1000)
    let pool = try FollowedPool(configuration)
    let (publisher, other) = (try TestPublisher(), try TestPublisher())
    for block: UInt32 in 1...30 { other.publish(EventBytes().storing([block]).bytes()) }
    other.setReplay(.inSteps)
    let endpoint = FollowedPool.endpoint(1, events: publisher.events, replay: other.replay)
    pool.subscriber.follow(endpoint)
    func isFollowed() -> Bool { pool.index.currentAnnouncements().followed.contains(endpoint.slot) }
    try await pool.eventually("followed") { isFollowed() }
    publisher.stop()
    try await pool.eventually("not followed") { !isFollowed() }
    for block: UInt32 in 2...30 {
      other.step()
      try await pool.eventually("block \(block)") { pool.depth([block], endpoint) == 1 }
      #expect(!isFollowed())
    }
    #expect(pool.log.lines(.warning).count { $0.contains("cannot be reached") } == 1)
    #expect(pool.log.lines(.info).count { $0.contains("following") } == 1)
  }

  @Test func messagesOfAnotherEndpointAreDropped() async throws {
    let pool = try FollowedPool()
    let (mixed, other) = (try TestPublisher(topic: "kv@10.0.0.2:8000@m"), try TestPublisher(topic: "kv@10.0.0.2@m"))
    let (endpoint, second) = (pool.follow(mixed, number: 1, hasReplay: false), pool.follow(other, number: 2))
    try await pool.eventually("connected") {
      pool.status(endpoint)?.isConnected == true && pool.status(second)?.isConnected == true
    }
    other.publish(EventBytes().storing([1, 2]).bytes())
    try await pool.eventually("misdirected messages") {
      mixed.publish(EventBytes().storing([1, 2]).bytes())
      return Int(pool.metric("epp_kv_events_messages_total{outcome=\"misdirected\"}") ?? "0") ?? 0 > 3
    }
    try await pool.eventually("depth 2") { pool.depth([1, 2], second) == 2 }
    #expect(pool.depth([1, 2], endpoint) == 0)
    #expect(pool.log.lines(.warning).count { $0.contains("names another endpoint") } == 1)
  }

  @Test func whoIsFollowedElsewhereIsNotBelievedAtTheCentralSocket() async throws {
    var configuration = FollowedPool.configuration
    configuration.bindAddress = "tcp://127.0.0.1:*"
    let pool = try FollowedPool(configuration)
    let address = try #require(pool.subscriber.boundAddress)
    let engine = try TestPublisher(topic: "kv@10.0.0.1:8000@m")
    let endpoint = pool.follow(engine, number: 1)
    engine.publish(EventBytes().storing([1, 2]).bytes())
    try await pool.eventually("depth 2") { pool.depth([1, 2], endpoint) == 2 }
    let impostor = try TestPublisher(topic: "kv@10.0.0.1:8000@m", central: address)
    try await pool.eventually("misdirected messages") {
      impostor.publish(EventBytes().clearing().bytes())
      // No more is believed of a rank that it does not have.
      impostor.publish(EventBytes().storing([1, 2, 3]).bytes(rank: 5))
      return Int(pool.metric("epp_kv_events_messages_total{outcome=\"misdirected\"}") ?? "0") ?? 0 >= 4
    }
    #expect(pool.depth([1, 2, 3], endpoint) == 2)
    try await pool.eventually("one stream") { pool.subscriber.currentStreams().map(\.rank) == [0] }
    try await pool.eventually("the status") { pool.status(endpoint)?.messages == 1 }
    #expect(pool.status(endpoint)?.restarts == 0)
    #expect(pool.log.lines(.warning).count { $0.contains("are followed at tcp://") } == 1)
  }

  @Test func aFrameOfAGigabyteIsNotWaitedFor() async throws {
    let server = try await RawPublisher.start()
    let pool = try FollowedPool()
    let endpoint = FollowedPool.endpoint(1, events: "tcp://127.0.0.1:\(server.port)")
    pool.subscriber.follow(endpoint)
    let good = try TestPublisher()
    let goodEndpoint = pool.follow(good, number: 2)
    good.publish(EventBytes().storing([1, 2]).bytes())
    // The connection is given up, made again after a while, and given up again.
    try await pool.eventually("three connections") { server.connections >= 3 }
    try await pool.eventually("depth 2") { pool.depth([1, 2], goodEndpoint) == 2 }
    #expect(pool.log.lines(.warning).count == 1)
    try await server.stop()
  }

  @Test func anEngineThatDiesInTheHandshakeIsNoStranger() async throws {
    // Twice the connection ends in the middle of the greeting; the third one is a publisher's.
    let server = try await RawPublisher.start(breakingOff: 2)
    let pool = try FollowedPool()
    let endpoint = FollowedPool.endpoint(1, events: "tcp://127.0.0.1:\(server.port)")
    pool.subscriber.follow(endpoint)
    try await pool.eventually("connected") { pool.status(endpoint)?.isConnected == true }
    #expect(server.connections >= 3)
    #expect(pool.log.lines(.warning) == [])
    try await server.stop()
  }

  @Test func aPortThatIsNoZeroMQIsSaidOnce() async throws {
    let server = try await RawPublisher.start(greeting: Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8))
    let pool = try FollowedPool()
    let endpoint = FollowedPool.endpoint(1, events: "tcp://127.0.0.1:\(server.port)")
    pool.subscriber.follow(endpoint)
    try await pool.eventually("three connections") { server.connections >= 3 }
    try await pool.eventually("the warning") { pool.log.lines(.warning).count == 1 }
    try await server.stop()
  }
}

/// A server that says it is a ZeroMQ publisher (ZMTP 3.0, no security), and announces a frame of a gigabyte, unless it has
/// broken off some connections before.
private final class RawPublisher: Sendable {
  let port: Int
  private let channel: any Channel
  private let counter: ConnectionCounter

  var connections: Int { counter.count }

  static func start(greeting: [UInt8]? = nil, breakingOff broken: Int = 0) async throws -> RawPublisher {
    let counter = ConnectionCounter()
    let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelInitializer { channel in
        channel.pipeline.addHandler(Handler(greeting: greeting, broken: broken, counter: counter))
      }
      .bind(host: "127.0.0.1", port: 0).get()
    return RawPublisher(channel, counter)
  }

  private init(_ channel: any Channel, _ counter: ConnectionCounter) {
    self.channel = channel
    self.counter = counter
    port = channel.localAddress?.port ?? 0
  }

  func stop() async throws { try await channel.close() }

  private final class Handler: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    let greeting: [UInt8]?
    /// Connections that end in the middle of the greeting.
    let broken: Int
    let counter: ConnectionCounter

    init(greeting: [UInt8]?, broken: Int, counter: ConnectionCounter) {
      self.greeting = greeting
      self.broken = broken
      self.counter = counter
    }

    func channelActive(context: ChannelHandlerContext) {
      counter.increment()
      var buffer = context.channel.allocator.buffer(capacity: 128)
      let start: [UInt8] = [0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0]
      if let greeting = greeting ?? (counter.count <= broken ? start : nil) {
        buffer.writeBytes(greeting)
        context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
        context.close(promise: nil)
        return
      } else {
        buffer.writeBytes(start + Array("NULL".utf8))
        buffer.writeBytes([UInt8](repeating: 0, count: 48))
        let ready = [5] + Array("READY".utf8) + [11] + Array("Socket-Type".utf8) + [0, 0, 0, 3] + Array("PUB".utf8)
        buffer.writeBytes([4, UInt8(ready.count)] + ready)
        // A frame with more to come, its length in 8 bytes.
        if broken == 0 {
          buffer.writeBytes([3, 0, 0, 0, 0, 0x40, 0, 0, 0])
          buffer.writeBytes([UInt8](repeating: 1, count: 1000))
        }
      }
      context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
    }
  }
}
