/// The messages of a publisher of KV events: numbers batches, keeps the last ones for replay, and simulates the publisher's
/// faults. A value without I/O.
struct KVEventOutbox: Sendable {
  private let encoder: KVEventEncoder
  private let topic: [UInt8]
  private var buffer: ReplayBuffer
  /// Batches that wait to be sent at most.
  private let maximumQueueSize: Int
  /// The number of the first batch that has not been sent.
  private var nextToSend: UInt64 = 0
  private var garbageSent = 0
  /// The simulated faults of the publisher.
  var faults = KVEventFaults()
  /// Whether the engine has the fault `hang`.
  var isHanging = false

  /// The sequence number of the message that ends a replay.
  private static let endOfReplay = UInt64.max

  init(_ configuration: KVEventsConfiguration, _ format: KVEventFormat) {
    encoder = KVEventEncoder(format)
    topic = Array(configuration.topic.utf8)
    buffer = ReplayBuffer(capacity: configuration.bufferSteps)
    maximumQueueSize = configuration.maximumQueueSize
  }

  /// Number of batches that were added.
  var published: UInt64 { buffer.nextSequence }

  /// Adds a batch of events. When too many batches wait, the oldest is not sent; it can still be replayed.
  ///
  /// - Parameter time: Seconds since 1970.
  mutating func add(_ events: [CacheEvent], time: Double) {
    buffer.append(encoder.encode(events, time: time))
    let waiting = buffer.sequences(from: nextToSend)
    nextToSend = max(waiting.lowerBound, buffer.nextSequence - min(buffer.nextSequence, UInt64(maximumQueueSize)))
  }

  /// Returns the frames of the next message for all subscribers; nil when there is none now.
  mutating func nextMessage() -> [[UInt8]]? {
    if isHanging { return nil }
    if faults.garbage > 0 {
      faults.garbage -= 1
      garbageSent += 1
      return garbage(garbageSent)
    }
    while !faults.isPaused, nextToSend < buffer.nextSequence {
      let sequence = nextToSend
      nextToSend += 1
      if faults.dropped > 0 {
        faults.dropped -= 1
        continue
      }
      var payload = buffer[sequence]
      if faults.garbled > 0 {
        faults.garbled -= 1
        // Half of it, and it begins with the one byte that MessagePack does not use.
        payload = [0xC1] + payload.prefix(payload.count / 2)
      }
      return [topic, Self.bytes(of: sequence), payload]
    }
    return nil
  }

  /// Whether replay requests are answered now.
  var answersQuestions: Bool { !isHanging && !faults.isPaused }

  /// Returns the messages that answer a replay request, with the end of the replay last; empty for a malformed request.
  ///
  /// - Parameter question: The frames of the request: the client's routing id, an empty frame, and the first sequence number.
  func answers(to question: [[UInt8]]) -> [[[UInt8]]] {
    guard question.count == 3, question[2].count == 8 else { return [] }
    let start = question[2].reduce(0) { $0 << 8 | UInt64($1) }
    let head = [question[0], []]
    let sent = buffer.sequences(from: start)
    var messages: [[[UInt8]]] = []
    for sequence in sent where sequence < nextToSend {
      messages.append(head + frames(topic: topic, sequence, buffer[sequence]))
    }
    messages.append(head + frames(topic: [], Self.endOfReplay, []))
    return messages
  }

  private func frames(topic: [UInt8], _ sequence: UInt64, _ payload: [UInt8]) -> [[UInt8]] {
    switch encoder.format.replay {
    case .topic: [topic, Self.bytes(of: sequence), payload]
    case .bare: [Self.bytes(of: sequence), payload]
    }
  }

  /// Returns a message with wrong frames; the kind of error depends on the number.
  private func garbage(_ number: Int) -> [[UInt8]] {
    let noise = Array("no batch".utf8)
    switch number % 4 {
    case 0: return [topic + noise]
    case 1: return [topic, noise]
    case 2: return [topic, [0, 0, 7], noise]
    default: return [topic, Self.bytes(of: 0), noise, noise, []]
    }
  }

  /// Returns a number in 8 bytes, most significant byte first.
  private static func bytes(of number: UInt64) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: number >> (56 - 8 * UInt64($0))) }
  }
}
