import Synchronization
import Testing
import ZeroMQ

@Suite struct SocketPollerTests {
  /// Looks again and again at what the poller reports until something has come true.
  private func poll(
    _ poller: SocketPoller, _ reported: (UInt64) -> Void, until isDone: () -> Bool
  ) throws {
    let end = ContinuousClock.now + .seconds(20)
    while !isDone() {
      try #require(ContinuousClock.now < end, "it did not come true")
      poller.wait(milliseconds: 20, reported)
    }
  }

  @Test func messagesAreTakenWithoutACopyAndWhole() throws {
    let context = Context()
    let router = try Socket(.router, context)
    let dealer = try Socket(.dealer, context)
    try dealer.connect(try router.bind("tcp://127.0.0.1:*"))
    let poller = try SocketPoller(Waker())
    try poller.add(router, tag: 7)
    let long = [UInt8](repeating: 9, count: 300_000)
    // More frames than a message keeps: the others are counted.
    #expect(dealer.send([[], [1, 2, 3], long, [4], [5], [6], [7], [8]]))
    #expect(dealer.send([[42]]))
    var message = Message()
    var counts: [Int] = []
    var tags: Set<UInt64> = []
    try poll(poller) { tag in
      tags.insert(tag)
      while router.receive(into: &message) {
        counts.append(message.frameCount)
        guard counts.count == 1 else { continue }
        #expect(message.withFrame(1) { $0.byteCount } == 0)
        #expect(message.withFrame(2) { unsafe $0.unsafeLoad(fromByteOffset: 2, as: UInt8.self) } == 3)
        #expect(message.withFrame(3) { $0.byteCount } == 300_000)
      }
    } until: {
      counts.count == 2
    }
    #expect(tags == [7])
    #expect(counts == [9, 2])
    #expect(message.withFrame(1) { unsafe $0.unsafeLoad(as: UInt8.self) } == 42)
    let isThereMore = router.receive(into: &message)
    #expect(!isThereMore)
    // What was there stays until something else comes.
    #expect(message.frameCount == 2)
    poller.remove(router)
  }

  @Test func aSocketThatWasTakenOutIsNotReported() throws {
    let context = Context()
    let router = try Socket(.router, context)
    let other = try Socket(.router, context)
    let (dealer, second) = (try Socket(.dealer, context), try Socket(.dealer, context))
    try dealer.connect(try router.bind("tcp://127.0.0.1:*"))
    try second.connect(try other.bind("tcp://127.0.0.1:*"))
    let poller = try SocketPoller(Waker())
    try poller.add(router, tag: 1)
    try poller.add(other, tag: 2)
    poller.remove(router)
    #expect(dealer.send([[1]]))
    #expect(second.send([[1]]))
    var message = Message()
    var isThere = false
    try poll(poller) { tag in
      #expect(tag == 2)
      while other.receive(into: &message) { isThere = true }
    } until: {
      isThere
    }
  }

  @Test func connectionsAreTold() throws {
    let context = Context()
    let subscriber = try Socket(.sub, context)
    subscriber.subscribe("")
    subscriber.setReconnectInterval(.milliseconds(10), atMost: .milliseconds(50))
    let monitor = try ConnectionMonitor(subscriber)
    let poller = try SocketPoller(Waker())
    try poller.add(monitor, tag: 3)
    var publisher: Socket? = try Socket(.pub, Context())
    let address = try #require(try publisher?.bind("tcp://127.0.0.1:*"))
    try subscriber.connect(address)
    var events: [ConnectionMonitor.Event] = []
    func read(_ tag: UInt64) { while let event = monitor.next() { events.append(event) } }
    // What the library has noticed while it connected is not reported.
    read(3)
    try poll(poller, read) { events.contains(.connected) }
    events = []
    publisher = nil
    try poll(poller, read) {
      events.contains(.disconnected) && events.contains { if case .retrying = $0 { true } else { false } }
    }
    events = []
    publisher = try Socket(.pub, Context())
    let end = ContinuousClock.now + .seconds(20)
    // The port is free as soon as the library's thread has closed it.
    while (try? publisher?.bind(address)) == nil { try #require(ContinuousClock.now < end, "the port stays taken") }
    try poll(poller, read) { events.contains(.connected) }
    poller.remove(monitor)
  }

  @Test func optionsAreSet() throws {
    let socket = try Socket(.sub, Context())
    #expect(socket.maximumFrameBytes == -1)
    socket.maximumFrameBytes = 1 << 33
    #expect(socket.maximumFrameBytes == 1 << 33)
    socket.receiveHighWaterMark = 5
    #expect(socket.receiveHighWaterMark == 5)
    #expect(!socket.allowsIPv6)
    socket.allowsIPv6 = true
    #expect(socket.allowsIPv6)
    socket.setHeartbeat(every: .seconds(5), timeout: .seconds(10))
    socket.setHandshakeTimeout(.seconds(3))
  }

  @Test func aThreadDoesItsWorkAndIsWaitedFor() throws {
    let count = ConnectionCount()
    let thread = try SocketThread(name: "test") { count.increment() }
    thread.join()
    thread.join()
    #expect(count.value == 1)
  }

  @Test func aPollerIsWoken() throws {
    let waker = Waker()
    let poller = try SocketPoller(waker)
    let thread = try SocketThread(name: "waker") { waker.wake() }
    // Without an end of its own: only the waker ends it.
    poller.wait(milliseconds: -1) { _ in Issue.record("there is no socket") }
    thread.join()
  }
}

private final class ConnectionCount: Sendable {
  private let count = Atomic(0)

  var value: Int { count.load(ordering: .relaxed) }

  func increment() { count.add(1, ordering: .relaxed) }
}
