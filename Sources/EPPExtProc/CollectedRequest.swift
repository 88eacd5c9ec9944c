import EPPCore
import EPPRequests
import EPPRouting

/// What has come of a request, from its headers to the decision, and what a decision makes of it.
struct CollectedRequest {
  private(set) var head = RequestHead()
  /// The gateway's subset hint; the last one counts.
  var subset = SubsetHint.absent
  /// The client's, or one that was made here.
  private(set) var id = ""
  private var isIDNew = false
  /// Memory of the body; nil when there is none.
  private var reservation: BodyReservation?
  /// Whether there is anything to let go of.
  private(set) var isHeld = false

  /// The headers have come.
  ///
  /// - Parameter makeID: makes an id for a request that came without one.
  mutating func begin(_ head: RequestHead, makeID: () -> String) {
    self.head = head
    isHeld = true
    if let given = head.headers.first(HeaderName.requestID), !given.isEmpty {
      id = given
    } else {
      id = makeID()
      isIDNew = true
    }
  }

  /// Keeps a chunk of the body; false when the budget has no room for it.
  mutating func keep(_ payload: Range<Int>, _ budget: BodyBudget, _ transport: any ExtProcTransport) -> Bool {
    if payload.isEmpty { return true }
    let reservation = reservation ?? BodyReservation(budget: budget, expectedCount: head.contentLength)
    self.reservation = reservation
    guard reservation.add(payload.count) else { return false }
    transport.keep(payload, in: reservation)
    return true
  }

  /// Lets go of headers and body; the id stays.
  mutating func release(_ transport: any ExtProcTransport) {
    isHeld = false
    reservation = nil
    transport.releaseRequestBody()
    head = RequestHead()
    subset = .absent
  }

  /// The request as routing takes it.
  func arrival(at time: MonotonicTime, seesResponse: Bool) -> RequestArrival {
    RequestArrival(
      context: RequestContext(
        requestID: id, headers: head.headers, subset: subset, sourceAddress: head.sourceAddress), receivedAt: time,
      seesResponse: seesResponse)
  }

  /// The body as it goes on: with the model's name replaced where the request goes on with another.
  func body(rewritten rewrite: ModelRewrite?) -> [BodySegment] {
    let count = reservation?.count ?? 0
    guard let rewrite else { return count > 0 ? [.requestBody(0..<count)] : [] }
    return [.requestBody(rewrite.prefix), .bytes(rewrite.replacement), .requestBody(rewrite.suffix)]
  }

  /// The decision with its changes of the headers.
  ///
  /// - Parameter bodyByteCount: bytes of the body as it goes on, where they are to be told.
  func decision(_ routed: RoutedRequest, bodyByteCount: Int?) -> RoutingDecision {
    var decision = RoutingDecision(destination: routed.destination)
    if let bodyByteCount, bodyByteCount > 0 {
      // Envoy takes content-length away in full-duplex mode, and engines like to know it.
      decision.setHeaders.append(.init(name: HeaderName.contentLength, value: String(bodyByteCount)))
    }
    decision.setHeaders += routed.headers
    if isIDNew { decision.setHeaders.append(.init(name: HeaderName.requestID, value: id)) }
    for name in HeaderName.internalRequestHeaders
    where name != HeaderName.destinationEndpoint && head.headers.first(name) != nil {
      decision.removedHeaders.append(name)
    }
    decision.scores = routed.scores.map { RoutingDecision.Score(destination: $0.destination, score: $0.score) }
    return decision
  }
}
