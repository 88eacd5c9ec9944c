import EPPCore
import NIOCore
import NIOHTTP1

/// What a request to an engine is made of.
struct EngineLegParts {
  let pool: EnginePool
  let origin: EngineOrigin
  let head: HTTPRequestHead
  let body: ByteBuffer

  init(_ pool: EnginePool, _ origin: EngineOrigin, _ head: HTTPRequestHead, _ body: ByteBuffer) {
    self.pool = pool
    self.origin = origin
    self.head = head
    self.body = body
  }
}

/// One request to an engine whose body is there. Belongs to one event loop; lives until it ends, whoever else has it.
final class EngineLeg: EngineConnectionUser {
  /// What comes of the request.
  enum Event {
    case head(HTTPResponseHead)
    case body(ByteBuffer)
    /// The parts that have arrived together are all told.
    case flush
    /// The answer is complete. Nothing follows.
    case end(HTTPHeaders?)
    /// There is no answer, or the rest of it does not come. Nothing follows.
    case failed(Failure)
  }

  enum Failure: Equatable {
    /// The engine cannot be reached.
    case unreachable
    /// The connection was closed without an answer.
    case noAnswer
    /// The connection was closed in the answer.
    case broken
  }

  private enum State {
    case new
    case connecting
    case asked(EngineConnection)
    case answering(EngineConnection, canReuse: Bool)
    case ended
  }

  private let parts: EngineLegParts
  private var state = State.new
  private var handle: ((Event) -> Void)?

  /// - Parameter handle: Called on the loop; never after `cancel`.
  init(_ parts: EngineLegParts, _ handle: @escaping (Event) -> Void) {
    self.parts = parts
    self.handle = handle
  }

  /// Whether the answer is read on; false while the client is slow.
  var mayRead = true {
    didSet {
      switch state {
      case .asked(let connection), .answering(let connection, _): connection.mayRead = mayRead
      case .new, .connecting, .ended: break
      }
    }
  }

  /// Sends the request.
  func start() { connect(isFresh: false) }

  /// Gives the request up.
  func cancel() {
    switch state {
    case .asked(let connection), .answering(let connection, _):
      connection.user = nil
      connection.close()
    case .new, .connecting, .ended: break
    }
    state = .ended
    handle = nil
  }

  private func connect(isFresh: Bool) {
    state = .connecting
    parts.pool.connection(to: parts.origin, isFresh: isFresh).assumeIsolated().whenComplete { [self] result in
      switch result {
      case .success(let connection): connected(connection.value)
      case .failure: if case .connecting = state { end(.failed(.unreachable)) }
      }
    }
  }

  private func connected(_ connection: EngineConnection) {
    guard case .connecting = state else { return parts.pool.release(connection, to: parts.origin) }
    state = .asked(connection)
    connection.user = self
    connection.mayRead = mayRead
    connection.write(.head(parts.head))
    if parts.body.readableBytes > 0 { connection.write(.body(.byteBuffer(parts.body))) }
    connection.write(.end(nil))
    connection.flush()
  }

  private func end(_ event: Event) {
    state = .ended
    let handle = handle
    self.handle = nil
    handle?(event)
  }

  // MARK: - The engine

  func engineAnswered(_ part: HTTPClientResponsePart) {
    switch (part, state) {
    case (.head(let head), .asked(let connection)):
      // 1xx is about the request, and the answer follows.
      guard head.status.code >= 200 else { return }
      state = .answering(connection, canReuse: head.isKeepAlive)
      handle?(.head(head))
    case (.body(let bytes), .answering): handle?(.body(bytes))
    case (.end(let trailers), .answering(let connection, let canReuse)):
      if canReuse {
        parts.pool.release(connection, to: parts.origin)
      } else {
        connection.user = nil
        connection.close()
      }
      end(.end(trailers))
    default: break
    }
  }

  func engineAnsweredAll() { if case .answering = state { handle?(.flush) } }

  func engineWritabilityChanged() {}

  func engineClosed(_ reason: EngineClosure) {
    switch state {
    case .asked:
      if reason == .unseen { connect(isFresh: true) } else { end(.failed(.noAnswer)) }
    case .answering: end(.failed(.broken))
    case .new, .connecting, .ended: break
    }
  }
}
