import Synchronization
import ZeroMQ

/// An engine's publisher as vLLM has it: numbered messages to all subscribers, and the last ones again to whoever asks.
/// Its sockets belong to a thread of its own.
final class TestPublisher: Sendable {
  /// How a replay's answers are framed.
  enum Layout: Sendable {
    /// vLLM from 0.28.
    case withTopic
    /// Older ones, and SGLang.
    case withoutTopic
  }

  /// What it does when it is asked for a replay.
  enum Replay: Sendable {
    case honest
    case silent
    /// It answers without end.
    case endless
    /// It leaves a message out each time, and never comes to an end.
    case leaky
    /// What it answers is none of a publisher's.
    case garbage
    /// It answers with the first message, and with another one for each step that it is allowed; without an end.
    case inSteps
  }

  /// What the owner puts in and the thread takes out.
  private final class Mailbox: Sendable {
    struct State: Sendable {
      var messages: [[UInt8]] = []
      /// The number of the first message that is kept.
      var first = 0
      var outgoing: [[[UInt8]]] = []
      var replay = Replay.honest
      var questions = 0
      var steps = 0
      var isStopping = false
    }

    let state = Mutex(State())
    let waker = Waker()
    let topic: [UInt8]
    let layout: Layout

    init(topic: String, layout: Layout) {
      self.topic = Array(topic.utf8)
      self.layout = layout
    }

    func change<Result: Sendable>(_ body: (inout State) -> Result) -> Result {
      defer { waker.wake() }
      return state.withLock { body(&$0) }
    }

    func serve(_ publisher: Socket, _ router: Socket) {
      // Who has asked last to be answered in steps, and for which message next.
      var asker: (name: [UInt8], next: Int)?
      while !state.withLock({ $0.isStopping }) {
        let outgoing = state.withLock { state in
          defer { state.outgoing = [] }
          return state.outgoing
        }
        for message in outgoing { _ = publisher.send(message) }
        while let question = router.receive() {
          if state.withLock({ $0.replay }) == .inSteps { asker = (question[0], 0) }
          answer(question, router)
        }
        if let (name, next) = asker {
          let due = state.withLock { state in
            defer { state.steps = 0 }
            return state.messages.enumerated().dropFirst(next).prefix(state.steps + (next == 0 ? 1 : 0)).map { $0 }
          }
          for (number, payload) in due { _ = router.send(answer(name, UInt64(number), payload)) }
          asker = (name, next + due.count)
        }
        wait(for: [router], waker, milliseconds: -1)
      }
    }

    private func answer(_ question: [[UInt8]], _ router: Socket) {
      guard question.count == 3, question[2].count == 8 else { return }
      let start = question[2].reduce(0) { $0 << 8 | Int($1) }
      let (kept, first, replay) = state.withLock { state in
        state.questions += 1
        return (state.messages, state.first, state.replay)
      }
      switch replay {
      case .silent, .inSteps: return
      case .garbage:
        for _ in 0..<10 { _ = router.send([question[0], [1], [2], [3], [4], [5], [6]]) }
      case .endless:
        let payload = kept.last ?? []
        // The socket refuses what has no room; the asker takes it off as fast as it can.
        for number in start..<start + 100_000 { _ = router.send(answer(question[0], UInt64(number), payload)) }
      case .leaky:
        let payload = kept.last ?? []
        for number in [start, start + 1, start + 3] { _ = router.send(answer(question[0], UInt64(number), payload)) }
      case .honest:
        for (offset, payload) in kept.enumerated().dropFirst(first) where offset >= start {
          _ = router.send(answer(question[0], UInt64(offset), payload))
        }
        _ = router.send(answer(question[0], .max, []))
      }
    }

    private func answer(_ asker: [UInt8], _ number: UInt64, _ payload: [UInt8]) -> [[UInt8]] {
      let topic = layout == .withTopic ? [number == .max ? [] : topic] : []
      return [asker, []] + topic + [Self.bytes(number), payload]
    }

    static func bytes(_ number: UInt64) -> [UInt8] {
      (0..<8).map { UInt8(truncatingIfNeeded: number >> (56 - 8 * $0)) }
    }
  }

  /// Where it publishes, and where it replays.
  let events: String
  let replay: String
  private let mailbox: Mailbox
  private let thread: SocketThread

  /// - Parameters:
  ///   - events: where to publish; nil takes a free port.
  ///   - central: where to connect to instead of listening.
  ///   - replayHighWaterMark: answers that may wait to be sent; further ones are dropped. 0 is no bound.
  init(
    topic: String = "", layout: Layout = .withTopic, events: String? = nil, replay: String? = nil,
    central: String? = nil, replayHighWaterMark: Int32 = 0, context: Context = Context()
  ) throws {
    let publisher = try Socket(.pub, context)
    let router = try Socket(.router, context)
    router.sendHighWaterMark = replayHighWaterMark
    if let central {
      try publisher.connect(central)
      self.events = central
    } else {
      self.events = try Self.bind(publisher, events)
    }
    self.replay = try Self.bind(router, replay)
    let mailbox = Mailbox(topic: topic, layout: layout)
    self.mailbox = mailbox
    thread = try SocketThread(name: "publisher") { mailbox.serve(publisher, router) }
  }

  /// Listens at an address, or at a free port.
  private static func bind(_ socket: Socket, _ address: String?) throws -> String {
    if let address { return try socket.bind(address) }
    for _ in 0..<100 {
      if let address = try? socket.bind("tcp://127.0.0.1:\(FreePorts.next().lowerBound)") { return address }
    }
    throw CancellationError()
  }

  deinit { stop() }

  /// Closes the sockets.
  func stop() {
    mailbox.change { $0.isStopping = true }
    thread.join()
  }

  /// Numbers a message, keeps it for replay, and sends it unless it is to be lost on its way.
  ///
  /// - Parameter forgettingEarlier: whether none of the messages before it is kept any longer. In one with the message: a
  ///   publisher that is asked when it keeps none has been started anew.
  func publish(_ payload: [UInt8], isLost: Bool = false, forgettingEarlier: Bool = false) {
    let topic = mailbox.topic
    mailbox.change { state in
      if forgettingEarlier { state.first = state.messages.count }
      let number = UInt64(state.messages.count)
      state.messages.append(payload)
      if !isLost { state.outgoing.append([topic, Mailbox.bytes(number), payload]) }
    }
  }

  /// Sends a message with a number of one's choice, and does not keep it.
  func publish(_ payload: [UInt8], number: UInt64) { send([mailbox.topic, Mailbox.bytes(number), payload]) }

  /// Sends frames as they are.
  func send(_ frames: [[UInt8]]) { mailbox.change { $0.outgoing.append(frames) } }

  /// Keeps none of the messages so far any longer, but for the last ones.
  func forgetMessages(keeping count: Int = 0) { mailbox.change { $0.first = $0.messages.count - count } }

  /// Answers with one message more.
  func step() { mailbox.change { $0.steps += 1 } }

  func setReplay(_ replay: Replay) { mailbox.change { $0.replay = replay } }

  /// How often a replay was asked for.
  var questions: Int { mailbox.state.withLock { $0.questions } }
}
