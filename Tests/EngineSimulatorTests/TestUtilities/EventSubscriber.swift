import EngineSimulator
import Testing
import ZeroMQ

/// Follows an engine's KV events as a picker does.
final class EventSubscriber {
  /// A batch that came, live or as an answer.
  struct Batch: Equatable {
    var sequence: UInt64
    var payload: [UInt8]

    /// The events, as MessagePack.
    var events: [MessagePackValue] {
      get throws { try MessagePackValue(payload).elements[1].elements }
    }
  }

  private let live: Socket
  private let replay: Socket?
  private static let patience = Duration.seconds(10)

  /// - Parameter configuration: where the engine publishes.
  init(_ configuration: KVEventsConfiguration) throws {
    let context = Context()
    live = try Socket(.sub, context)
    live.subscribe(configuration.topic)
    try live.connect(configuration.endpoint.text)
    if let endpoint = configuration.replayEndpoint {
      let dealer = try Socket(.dealer, context)
      try dealer.connect(endpoint.text)
      replay = dealer
    } else {
      replay = nil
    }
  }

  /// Listens, for an engine that connects; the endpoint is the one that was bound.
  init(listeningOn endpoint: String, topic: String) throws {
    live = try Socket(.sub, Context())
    live.subscribe(topic)
    replay = nil
    boundEndpoint = try live.bind(endpoint)
  }

  private(set) var boundEndpoint = ""

  /// Follows an engine, and waits until messages arrive: what is sent before that is lost.
  static func following(_ server: EngineServer) async throws -> EventSubscriber {
    let subscriber = try EventSubscriber(try #require(server.kvEvents))
    try await subscriber.waitUntilHeard(server)
    return subscriber
  }

  /// Has messages sent that take no number until one arrives, and forgets them.
  func waitUntilHeard(_ server: EngineServer) async throws {
    let end = ContinuousClock.now + Self.patience
    while message(of: live, within: .milliseconds(20)) == nil {
      try #require(ContinuousClock.now < end, "no message arrives")
      server.changeKVEventFaults { $0.garbage += 1 }
      await Task.yield()
    }
    while message(of: live, within: .milliseconds(100)) != nil {}
  }

  private func message(of socket: Socket, within patience: Duration) -> [[UInt8]]? {
    let end = ContinuousClock.now + patience
    repeat {
      if let frames = socket.receive() { return frames }
      wait(for: [socket], nil, milliseconds: 5)
    } while ContinuousClock.now < end
    return socket.receive()
  }

  /// The frames of the next message; nil when none comes in time.
  func frames(within patience: Duration = .seconds(10)) -> [[UInt8]]? { message(of: live, within: patience) }

  /// So many batches, as they come.
  func batches(_ count: Int) throws -> [Batch] {
    try (0..<count).map { _ in
      let frames = try #require(self.frames())
      try #require(frames.count == 3)
      return Batch(sequence: Self.number(frames[1]), payload: frames[2])
    }
  }

  /// Asks for batches from a number on; the frames of the answers, the last of which is the end mark.
  func ask(from start: UInt64) throws -> [[[UInt8]]] {
    let replay = try #require(replay)
    let sent = replay.send([[], (0..<8).map { UInt8(truncatingIfNeeded: start >> (56 - 8 * $0)) }])
    try #require(sent)
    var answers: [[[UInt8]]] = []
    repeat {
      answers.append(try #require(message(of: replay, within: Self.patience)))
    } while answers.last.map {
      !$0.contains(Array(repeating: 0xFF, count: 8))
    } ?? false
    return answers
  }

  static func number(_ bytes: [UInt8]) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }

  /// What is cached after these events: the low halves of hashes by the number of times that they are held.
  static func residency(_ batches: [Batch]) throws -> [UInt64: Int] {
    var held: [UInt64: Int] = [:]
    for event in try batches.flatMap({ try $0.events }) {
      let hashes = event["block_hashes"]?.integers ?? []
      switch event["type"] {
      case .text("BlockStored")?: for hash in hashes { held[hash, default: 0] += 1 }
      case .text("BlockRemoved")?:
        for hash in hashes {
          let left = (held[hash] ?? 0) - 1
          held[hash] = left == 0 ? nil : left
        }
      case .text("AllBlocksCleared")?: held.removeAll()
      default: Issue.record("\(event) is no event")
      }
    }
    return held
  }
}
