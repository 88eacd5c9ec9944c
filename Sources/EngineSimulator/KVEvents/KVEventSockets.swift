import ZeroMQ

/// The sockets of a publisher of KV events: one for all subscribers, and one for questions when they are asked for. Used by
/// one thread.
final class KVEventSockets {
  /// With the ports that the system chose.
  private(set) var configuration: KVEventsConfiguration
  private let waker: Waker
  private let subscribers: Socket
  private let questions: Socket?

  /// An answer is as many messages as there are batches; one that does not fit would be cut without a word.
  private static let roomForEndMarks = 16

  /// Throws `KVEventPublisherError`.
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

  /// Sends a message to all subscribers; one that has too many waiting does not get it.
  func publish(_ message: [[UInt8]]) { _ = subscribers.send(message) }

  /// A question that has come; nil when there is none.
  func nextQuestion() -> [[UInt8]]? { questions?.receive() }

  /// Sends a message to who asked, whom its first frame names.
  func answer(_ message: [[UInt8]]) { _ = questions?.send(message) }

  /// Waits until somebody asks, if that is of interest, or the waker is woken.
  func wait(forQuestions: Bool) {
    ZeroMQ.wait(for: forQuestions ? questions.map { [$0] } ?? [] : [], waker, milliseconds: -1)
  }
}
