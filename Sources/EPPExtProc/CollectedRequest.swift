import EPPCore
import EPPRequests
import EPPRouting
import EPPTracing

/// The received parts of a request until the decision, and the replies that a decision makes of them.
struct CollectedRequest {
  /// The request's headers.
  private(set) var head = RequestHead()
  /// The gateway's last subset hint.
  var subset = SubsetHint.absent
  /// The request's id: the client's, or a new one.
  private(set) var id = ""
  private var isIDNew = false
  /// Reserved memory of the body; nil when there is no body.
  private var reservation: BodyReservation?
  /// Whether headers have come and were not released.
  private(set) var isHeld = false

  /// Records the headers, and the request's id.
  ///
  /// - Parameter makeID: Makes an id for a request without one.
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

  /// Adds a chunk of the current message to the body. Returns false when the budget does not allow it.
  mutating func keep(_ payload: Range<Int>, _ budget: BodyBudget, _ transport: any ExtProcTransport) -> Bool {
    if payload.isEmpty { return true }
    let reservation = reservation ?? BodyReservation(budget: budget, expectedCount: head.contentLength)
    self.reservation = reservation
    guard reservation.add(payload.count) else { return false }
    transport.keep(payload, in: reservation)
    return true
  }

  /// Releases headers and body. The id stays.
  mutating func release(_ transport: any ExtProcTransport) {
    isHeld = false
    reservation = nil
    transport.releaseRequestBody()
    head = RequestHead()
    subset = .absent
  }

  /// Returns the request in the form that routing takes.
  ///
  /// - Parameters:
  ///   - time: When the stream began.
  ///   - seesResponse: Whether the stream goes on until the end of the response.
  ///   - trace: The trace of the request; nil when it is not recorded.
  func arrival(at time: MonotonicTime, seesResponse: Bool, trace: RequestTrace?) -> RequestArrival {
    RequestArrival(
      context: RequestContext(
        requestID: id, headers: head.headers, subset: subset, sourceAddress: head.sourceAddress), receivedAt: time,
      seesResponse: seesResponse, trace: trace)
  }

  /// Returns the body to be forwarded, with the model's name replaced when there is a rewrite.
  func body(rewritten rewrite: ModelRewrite?) -> [BodySegment] {
    let count = reservation?.count ?? 0
    guard let rewrite else { return count > 0 ? [.requestBody(0..<count)] : [] }
    return [.requestBody(rewrite.prefix), .bytes(rewrite.replacement), .requestBody(rewrite.suffix)]
  }

  /// Returns the decision with its changes of the request's headers.
  ///
  /// - Parameters:
  ///   - bodyByteCount: Value for the header content-length; nil and 0 leave the header out.
  ///   - added: Headers besides those of the routed request.
  func decision(_ routed: RoutedRequest, _ added: [RequestHeaders.Field], bodyByteCount: Int?) -> RoutingDecision {
    var decision = RoutingDecision(destination: routed.destination)
    if let bodyByteCount, bodyByteCount > 0 {
      // Envoy takes content-length away in full-duplex mode, and engines like to know it.
      decision.setHeaders.append(.init(name: HeaderName.contentLength, value: String(bodyByteCount)))
    }
    decision.setHeaders += routed.headers + added
    if isIDNew { decision.setHeaders.append(.init(name: HeaderName.requestID, value: id)) }
    for name in HeaderName.internalRequestHeaders
    where name != HeaderName.destinationEndpoint && head.headers.first(name) != nil {
      decision.removedHeaders.append(name)
    }
    decision.scores = routed.scores.map { RoutingDecision.Score(destination: $0.destination, score: $0.score) }
    return decision
  }
}
