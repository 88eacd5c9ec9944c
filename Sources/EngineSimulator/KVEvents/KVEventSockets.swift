import ZeroMQ

/// The sockets of a publisher of KV events: one for all subscribers, and one for replay requests if it is configured. Use it on
/// one thread only.
final class KVEventSockets {
  /// The configuration, with the ports that the system has chosen.
  private(set) var configuration: KVEventsConfiguration
  private let waker: Waker
  private let subscribers: Socket
  private let questions: Socket?

  /// Messages that the replay socket can queue beyond `bufferSteps`, for the ends of replays. ZeroMQ silently drops messages
  /// that exceed the limit of the queue.
  private static let roomForEndMarks = 16

  /// Opens the sockets.
  ///
  /// - Throws: `KVEventPublisherError` when an address cannot be bound or connected.
  init(_ configuration: KVEventsConfiguration, waker: Waker) throws {
    var opened = configuration
    let context = Context()
    let subscribers = try Socket(.pub, context)
    subscribers.sendHighWaterMark = Int32(clamping: configuration.highWaterMark)
    if configuration.endpoint.isListening {
      opened.endpoint = try Self.bind(subscribers, configuration.endpoint)
    } else {
      do { try subscribers.connect(configuration.endpoint.text) } catch {
        throw KVEventPublisherError(endpoint: configuration.endpoint, reason: "\(error)")
      }
    }
    var questions: Socket?
    if let endpoint = configuration.replayEndpoint {
      let router = try Socket(.router, context)
      router.sendHighWaterMark = Int32(clamping: configuration.bufferSteps + Self.roomForEndMarks)
      opened.replayEndpoint = try Self.bind(router, endpoint)
      questions = router
    }
    self.configuration = opened
    self.waker = waker
    self.subscribers = subscribers
    self.questions = questions
  }

  private static func bind(_ socket: Socket, _ endpoint: KVEventEndpoint) throws -> KVEventEndpoint {
    do {
      let real = try socket.bind(endpoint.text)
      return endpoint.hasFixedPort ? endpoint : KVEventEndpoint(real)
    } catch {
      throw KVEventPublisherError(endpoint: endpoint, reason: "\(error)")
    }
  }

  /// Sends a message to all subscribers, except those with too many messages queued.
  func publish(_ message: [[UInt8]]) { _ = subscribers.send(message) }

  /// Receives a replay request without waiting; nil when there is none.
  func nextQuestion() -> [[UInt8]]? { questions?.receive() }

  /// Sends a message to the client whose routing id is the first frame.
  func answer(_ message: [[UInt8]]) { _ = questions?.send(message) }

  /// Waits until the waker is woken or, with `forQuestions`, a replay request comes.
  func wait(forQuestions: Bool) {
    ZeroMQ.wait(for: forQuestions ? questions.map { [$0] } ?? [] : [], waker, milliseconds: -1)
  }
}
