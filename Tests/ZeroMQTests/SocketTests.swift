import Testing
import ZeroMQ

@Suite struct SocketTests {
  /// The next message, waited for.
  private func message(_ socket: Socket) throws -> [[UInt8]] {
    let end = ContinuousClock.now + .seconds(20)
    while true {
      if let message = socket.receive() { return message }
      try #require(ContinuousClock.now < end, "no message came")
      wait(for: [socket], nil, milliseconds: 50)
    }
  }

  @Test func subscribersGetMessagesOfTheirTopicWhole() throws {
    let context = Context()
    let publisher = try Socket(.pub, context)
    let endpoint = try publisher.bind("tcp://127.0.0.1:*")
    #expect(endpoint.hasPrefix("tcp://127.0.0.1:") && !endpoint.hasSuffix("*"))
    let subscriber = try Socket(.sub, context)
    subscriber.subscribe("kv@")
    try subscriber.connect(endpoint)
    // What is sent before the subscription has arrived is lost: the topic is sent until it comes through.
    let end = ContinuousClock.now + .seconds(20)
    var received: [[UInt8]]?
    while received == nil {
      try #require(ContinuousClock.now < end)
      #expect(publisher.send([Array("other".utf8), [1]]))
      #expect(publisher.send([Array("kv@a".utf8), [], [1, 2, 3], [UInt8](repeating: 7, count: 100_000)]))
      wait(for: [subscriber], nil, milliseconds: 20)
      received = subscriber.receive()
    }
    #expect(received == [Array("kv@a".utf8), [], [1, 2, 3], [UInt8](repeating: 7, count: 100_000)])
  }

  @Test func aDealerTakesAnyNumberOfAnswers() throws {
    let context = Context()
    let router = try Socket(.router, context)
    let dealer = try Socket(.dealer, context)
    try dealer.connect(try router.bind("tcp://127.0.0.1:*"))
    #expect(dealer.send([[], [9]]))
    let question = try message(router)
    #expect(question.dropFirst() == [[], [9]])
    for number in 0..<3 as Range<UInt8> { #expect(router.send([question[0], [], [number]])) }
    for number in 0..<3 as Range<UInt8> { #expect(try message(dealer) == [[], [number]]) }
    #expect(dealer.receive() == nil)
  }

  @Test func whatWasNotBoundSaysWhy() throws {
    let context = Context()
    let first = try Socket(.pub, context)
    let endpoint = try first.bind("tcp://127.0.0.1:*")
    let second = try Socket(.pub, context)
    let error = #expect(throws: ZeroMQError.self) { _ = try second.bind(endpoint) }
    #expect(
      error?.description == "cannot bind \(endpoint): Address already in use; another process listens there: choose "
        + "another port, or end that process")
    #expect(throws: ZeroMQError.self) { try second.connect("nonsense") }
  }

  @Test func theHighWaterMarkIsSet() throws {
    let socket = try Socket(.dealer, Context())
    socket.sendHighWaterMark = 7
    #expect(socket.sendHighWaterMark == 7)
    // Nobody is there to send to.
    #expect(socket.send([[1]]) == false)
  }

  @Test func aContextHasSomeThreads() {
    #expect(Context().threads == 1)
    #expect(Context(threads: 3).threads == 3)
  }

  @Test func aWaitEndsWhenItIsWoken() throws {
    let waker = Waker()
    let thread = try SocketThread(name: "waker") { waker.wake() }
    wait(for: [], waker, milliseconds: -1)
    thread.join()
    // It was reset: this one lasts its time.
    let start = ContinuousClock.now
    wait(for: [], waker, milliseconds: 20)
    #expect(ContinuousClock.now - start >= .milliseconds(15))
  }
}
