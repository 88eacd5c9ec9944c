import NIOCore
import NIOHTTP1

/// A request that goes on to one engine in pieces as they come. Neither side is read faster than the other one takes it.
final class StreamedExchange: ClientExchange, EngineConnectionUser {
  private enum State {
    case connecting
    case exchanging(EngineConnection, hasAnswer: Bool, canReuse: Bool)
    /// The engine leaves HTTP with the end of the answer's head.
    case switching(EngineConnection)
    case ended
  }

  private let pool: EnginePool
  private let origin: EngineOrigin
  private unowned let client: any ExchangeClient
  private var request: ClientRequest
  private var isComplete = false
  private var state = State.connecting

  /// - Parameter client: Outlives the exchange.
  init(_ pool: EnginePool, _ origin: EngineOrigin, _ request: ClientRequest, _ client: any ExchangeClient) {
    self.pool = pool
    self.origin = origin
    self.request = request
    self.client = client
  }

  var mayRead: Bool {
    switch state {
    case .connecting: false
    case .exchanging(let connection, _, _): connection.isWritable
    case .switching: false
    case .ended: true
    }
  }

  func start() { connect(isFresh: false) }

  private func connect(isFresh: Bool) {
    state = .connecting
    pool.connection(to: origin, isFresh: isFresh).assumeIsolated().whenComplete { [self] result in
      switch result {
      case .success(let connection): connected(connection.value)
      case .failure:
        guard case .connecting = state else { return }
        state = .ended
        client.fail(.unreachable(origin.address))
      }
    }
  }

  private func connected(_ connection: EngineConnection) {
    guard case .connecting = state else { return pool.release(connection, to: origin) }
    connection.user = self
    connection.mayRead = client.isWritable
    connection.write(.head(request.head))
    for piece in request.pieces { connection.write(.body(.byteBuffer(piece))) }
    if isComplete { connection.write(.end(nil)) }
    connection.flush()
    // A new connection is not closed for its age, so nothing has to be sent a second time.
    if !connection.isReused { request.forget() }
    state = .exchanging(connection, hasAnswer: false, canReuse: false)
    client.readOn()
  }

  // MARK: - The client

  func add(_ bytes: ByteBuffer) {
    switch state {
    case .connecting: request.append(bytes, isSent: false)
    case .exchanging(let connection, _, _):
      request.append(bytes, isSent: true)
      connection.write(.body(.byteBuffer(bytes)))
    case .switching, .ended: break
    }
  }

  func complete() {
    isComplete = true
    guard case .exchanging(let connection, _, _) = state else { return }
    connection.write(.end(nil))
    connection.flush()
  }

  func flush() { if case .exchanging(let connection, _, _) = state { connection.flush() } }

  func clientWritabilityChanged(_ isWritable: Bool) {
    if case .exchanging(let connection, _, _) = state { connection.mayRead = isWritable }
  }

  func cancel() {
    switch state {
    case .exchanging(let connection, _, _), .switching(let connection):
      connection.user = nil
      connection.close()
    case .connecting, .ended: break
    }
    state = .ended
  }

  // MARK: - The engine

  func engineAnswered(_ part: HTTPClientResponsePart) {
    if case .switching(let connection) = state, case .end = part { return switchProtocols(connection) }
    guard case .exchanging(let connection, _, let canReuse) = state else { return }
    switch part {
    case .head(let head):
      if head.status == .switchingProtocols {
        state = .switching(connection)
        return client.answer(ForwardedHead.response(head, body: .asReceived(hasBody: false)))
      }
      // The proxy has given leave for the body itself.
      guard head.status.code >= 200 else { return }
      request.forget()
      state = .exchanging(connection, hasAnswer: true, canReuse: head.isKeepAlive)
      client.answer(
        ForwardedHead.response(head, body: .asReceived(hasBody: request.hasAnswerBody(head.status))))
    case .body(let bytes):
      client.answer(bytes)
      if !client.isWritable { connection.mayRead = false }
    case .end(let trailers):
      state = .ended
      if canReuse, isComplete {
        pool.release(connection, to: origin)
      } else {
        connection.user = nil
        connection.close()
      }
      client.endAnswer(trailers)
    }
  }

  private func switchProtocols(_ connection: EngineConnection) {
    state = .ended
    connection.user = nil
    client.flushAnswer()
    client.openTunnel(Tunnel(connection))
  }

  func engineAnsweredAll() { if case .exchanging(_, true, _) = state { client.flushAnswer() } }

  func engineWritabilityChanged() { client.readOn() }

  func engineClosed(_ reason: EngineClosure) {
    if case .switching = state {
      state = .ended
      return client.breakAnswer()
    }
    guard case .exchanging(_, let hasAnswer, _) = state else { return }
    if hasAnswer {
      state = .ended
      client.breakAnswer()
    } else if reason == .unseen, request.canRepeat {
      connect(isFresh: true)
    } else {
      state = .ended
      client.fail(reason == .handshake ? .noTLS(origin.address) : .noAnswer(origin.address))
    }
  }
}
