import EPPCore
import NIOCore
import NIOPosix

/// Receives the events of the exchanges of a pool, on the pool's event loop.
protocol ExchangePoolDelegate: AnyObject {
  /// Handles a routed request. With `timed` pacing the delegate sends the response chunks from now on.
  func routed(slot: Int)
  /// Handles bytes of the response body that have come back.
  func echoed(slot: Int, bytes: Int)
  /// Handles the end of an exchange.
  func ended(slot: Int, _ record: ExchangeRecord, _ outcome: Exchange.Outcome, on connection: GRPCConnection)
  /// Handles the end of a connection.
  func lost(_ connection: GRPCConnection)
}

/// The connections of a run and their open exchanges. Use it on its event loop only.
final class ExchangePool: GRPCStreamOwner {
  /// The path of the ext_proc method.
  static let path = "/envoy.service.ext_proc.v3.ExternalProcessor/Process"

  private struct Active {
    var exchange: Exchange
    var stream: GRPCStream
    var connection: GRPCConnection
    var record: ExchangeRecord
    var chunksLeft: Int
    /// The body of the request; nil unless bodies are compared.
    var expectedBody: ByteBuffer?
  }

  private let plan: ExchangePlan
  private let eventLoop: any EventLoop
  private let expectedResponse: ByteBuffer?
  private weak var delegate: (any ExchangePoolDelegate)?
  private var active: [Active?] = []
  private var freeSlots: [Int] = []
  private var nextNumber: UInt64
  private var generator: SplitMix64
  private var destinationIndex: [String: Int] = [:]
  /// All connections.
  private(set) var connections: [GRPCConnection] = []
  /// The endpoints that the server has chosen, in the order of their first choice.
  private(set) var destinations: [String] = []

  init(plan: ExchangePlan, delegate: any ExchangePoolDelegate, eventLoop: any EventLoop) {
    self.plan = plan
    self.delegate = delegate
    self.eventLoop = eventLoop
    expectedResponse = plan.checksBodies ? plan.response.body(chunks: plan.responseChunks) : nil
    generator = SplitMix64(seed: plan.seed)
    nextNumber = plan.seed << 40
  }

  /// Number of open exchanges.
  var openCount: Int { active.count - freeSlots.count }

  /// Opens the connections. The future fails when one cannot be opened.
  func connect() -> EventLoopFuture<Void> {
    let attempts = (0..<plan.connections).map { _ in
      let connection = GRPCConnection(path: Self.path, authority: plan.address.description, owner: self)
      connections.append(connection)
      let bound = NIOLoopBound(connection, eventLoop: eventLoop)
      return ClientBootstrap(group: eventLoop)
        .channelOption(.tcpOption(.tcp_nodelay), value: 1)
        .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 262_144))
        .channelOption(.writeBufferWaterMark, value: .init(low: 1 << 20, high: 4 << 20))
        .channelInitializer { channel in
          channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(bound.value) }
        }
        .connect(host: plan.address.host, port: Int(plan.address.port))
        .map { _ in }
    }
    return EventLoopFuture.andAllSucceed(attempts, on: eventLoop)
  }

  /// Starts an exchange. The caller flushes, except in a delegate call for the connection.
  func begin(on connection: GRPCConnection, intended: NIODeadline) {
    let group = plan.templates.count == 1 ? 0 : Int(generator.next() % UInt64(plan.templates.count))
    let template = plan.templates[group]
    nextNumber += 1
    let slot = freeSlots.popLast() ?? active.count
    if slot == active.count { active.append(nil) }
    let stream = connection.open(slot: slot)
    active[slot] = Active(
      exchange: Exchange(requestBytes: template.bodyBytes, pacing: plan.pacing, showsAnswers: plan.showsAnswers),
      stream: stream,
      connection: connection,
      record: ExchangeRecord(intended: intended, opened: NIODeadline.now(), group: group),
      chunksLeft: plan.responseChunks,
      expectedBody: plan.checksBodies ? template.body(number: nextNumber) : nil)
    connection.send(template.frames(number: nextNumber), on: stream)
  }

  /// Sends the next response chunk of a routed exchange; after the last one the end of the body.
  func sendChunk(slot: Int, isLast: Bool) {
    guard var current = active[slot], current.exchange.isRouted else { return }
    let bytes = isLast ? plan.response.lastChunkBytes : plan.response.chunkBytes
    current.exchange.sentResponse(bytes: bytes, isLast: isLast)
    current.record.chunks += 1
    active[slot] = current
    current.connection.send(isLast ? plan.response.lastChunk : plan.response.chunk, on: current.stream)
  }

  /// Gives all written bytes to the sockets.
  func flush() { for connection in connections { connection.flush() } }

  /// Closes all connections.
  func close() { for connection in connections { connection.close() } }

  /// Ends exchanges that were opened before a time, as timed out.
  func expire(openedBefore moment: NIODeadline) {
    for slot in active.indices {
      guard let current = active[slot], current.record.opened < moment else { continue }
      current.connection.reset(current.stream)
      finish(slot, .failed(.timeout))
    }
    flush()
  }

  // MARK: GRPCStreamOwner

  func received(_ message: ByteBuffer, on stream: GRPCStream, of connection: GRPCConnection) {
    let slot = stream.slot
    guard let response = ProcessingResponse(message) else { return fail(slot, .malformedResponse) }
    note(response, message, slot)
    guard let step = active[slot]?.exchange.received(response) else { return }
    switch step {
    case .wait: break
    case .startResponse: startResponse(slot)
    case .sendChunk: sendNextChunk(slot)
    case .halfClose: connection.close(stream)
    case .fail(let failure): fail(slot, failure)
    }
    if response.kind == .responseBody { delegate?.echoed(slot: slot, bytes: response.streamedBody?.count ?? 0) }
  }

  func sentAll(on stream: GRPCStream, of connection: GRPCConnection) {
    if let current = active[stream.slot], current.record.bodySent == nil {
      active[stream.slot]?.record.bodySent = NIODeadline.now()
    }
  }

  func ended(_ stream: GRPCStream, with end: GRPCStream.End, on connection: GRPCConnection) {
    guard let outcome = active[stream.slot]?.exchange.outcome(of: end) else { return }
    finish(stream.slot, outcome)
  }

  func closed(_ connection: GRPCConnection) { delegate?.lost(connection) }

  // MARK: Steps

  /// Records time and destination of a message, and compares its bytes if required, before the exchange counts them.
  private func note(_ response: ProcessingResponse, _ message: ByteBuffer, _ slot: Int) {
    switch response.kind {
    case .requestHeaders:
      active[slot]?.record.picked = NIODeadline.now()
      if let range = response.destination { active[slot]?.record.destination = index(of: range, in: message) }
    case .requestBody:
      guard let expected = active[slot]?.expectedBody, let offset = active[slot]?.exchange.requestEchoed else { break }
      check(response, message, against: expected, at: offset, slot)
    case .responseBody:
      guard let expectedResponse, plan.pacing != .timed, let offset = active[slot]?.exchange.responseEchoed else {
        break
      }
      check(response, message, against: expectedResponse, at: offset, slot)
    default: break
    }
  }

  private func check(
    _ response: ProcessingResponse, _ message: ByteBuffer, against expected: ByteBuffer, at offset: Int, _ slot: Int
  ) {
    guard let range = response.streamedBody, !range.isEmpty else { return }
    let echoed = message.getSlice(at: message.readerIndex + range.lowerBound, length: range.count)
    if echoed != expected.getSlice(at: offset, length: range.count) { fail(slot, .bodyChanged) }
  }

  private func index(of range: Range<Int>, in message: ByteBuffer) -> Int {
    let name = message.getString(at: message.readerIndex + range.lowerBound, length: range.count) ?? ""
    if let index = destinationIndex[name] { return index }
    destinations.append(name)
    destinationIndex[name] = destinations.count - 1
    return destinations.count - 1
  }

  private func startResponse(_ slot: Int) {
    guard let current = active[slot] else { return }
    active[slot]?.record.routed = NIODeadline.now()
    current.connection.send(plan.response.headers, on: current.stream)
    guard plan.showsAnswers else { return }
    switch plan.pacing {
    case .lockstep: sendNextChunk(slot)
    case .burst: for _ in 0..<plan.responseChunks { sendNextChunk(slot) }
    case .timed: break
    }
    delegate?.routed(slot: slot)
  }

  private func sendNextChunk(_ slot: Int) {
    guard let left = active[slot]?.chunksLeft, left > 0 else { return }
    active[slot]?.chunksLeft = left - 1
    sendChunk(slot: slot, isLast: left == 1)
  }

  private func fail(_ slot: Int, _ failure: ExchangeFailure) {
    active[slot]?.exchange.fail(failure)
    guard let current = active[slot] else { return }
    current.connection.close(current.stream)
  }

  private func finish(_ slot: Int, _ outcome: Exchange.Outcome) {
    guard let current = active[slot] else { return }
    active[slot] = nil
    freeSlots.append(slot)
    delegate?.ended(slot: slot, current.record, outcome, on: current.connection)
  }
}
