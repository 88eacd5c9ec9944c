package import EPPCore
import EPPRequests

/// The direction of the HTTP message that a part belongs to.
package enum MessageDirection: Sendable, Equatable {
  /// From the client to the engine.
  case request
  /// From the engine to the client.
  case response
}

/// A decoded message of the gateway (`ProcessingRequest`).
package enum ReceivedMessage: Sendable {
  case requestHeaders(RequestHead)
  case responseHeaders(ResponseHead)
  case requestTrailers
  case responseTrailers
  /// A body chunk. `payload` is its range in the transport's message.
  case body(MessageDirection, payload: Range<Int>, endOfStream: Bool)
}

/// A request's headers, and the attributes of their message.
package struct RequestHead: Sendable {
  /// The headers that are read.
  package var headers = RequestHeaders()
  /// Whether the request ends with its headers.
  package var endOfStream = false
  /// The gateway's body modes; nil when the message has none.
  package var configuration: ProtocolConfiguration?
  /// The client's address without its port.
  package var sourceAddress: String?

  package init() {}

  /// The body's length in bytes that the client has announced; nil when it has not, or when the header is no number.
  package var contentLength: Int? { headers.first(HeaderName.contentLength).flatMap { Int($0) } }

  /// Whether no body will come although `endOfStream` is false: the connection is upgraded to another protocol (RFC 9110
  /// section 7.8, RFC 8441), or the method's requests have no body (RFC 9110 section 9.3) and the headers announce none.
  package var announcesNoBody: Bool {
    if let connection = headers.first(HeaderName.connection), Self.names("upgrade", in: connection) { return true }
    switch headers.first(HeaderName.method) {
    case "CONNECT": return true
    case "GET", "HEAD", "OPTIONS", "TRACE":
      return (contentLength ?? 0) == 0 && headers.first(HeaderName.transferEncoding) == nil
    default: return false
    }
  }

  /// Whether a comma-separated list contains a lower-case word, in any case.
  private static func names(_ word: String, in list: String) -> Bool {
    list.utf8.split(separator: UInt8(ascii: ",")).contains { entry in
      var letters: [UInt8] = []
      for byte in entry where byte != UInt8(ascii: " ") && byte != UInt8(ascii: "\t") {
        letters.append(byte &- 0x41 < 26 ? byte | 0x20 : byte)
      }
      return letters.elementsEqual(word.utf8)
    }
  }
}

/// The properties of a response's headers.
package struct ResponseHead: Sendable {
  /// The HTTP status; nil when it is missing or no number.
  package var status: Int?
  /// Whether the content type is that of server-sent events.
  package var isEventStream = false
  /// Whether the content type is JSON.
  package var isJSON = false
  /// Whether the body has a content encoding, so that it cannot be read.
  package var isEncoded = false
  /// Whether the response ends with its headers.
  package var endOfStream = false
  /// The gateway's body modes; nil when the message has none.
  package var configuration: ProtocolConfiguration?

  package init() {}
}

/// Metadata that the gateway attaches to a message.
package struct GatewayMetadata: Sendable {
  /// The subset hint; nil when the message has none.
  package var subset: SubsetHint?
  /// The endpoint that served the request, as `ip:port`; nil when the message does not name it.
  package var served: String?

  package init(subset: SubsetHint? = nil, served: String? = nil) {
    self.subset = subset
    self.served = served
  }
}

/// A message for the gateway (`ProcessingResponse`).
package enum ReplyMessage: Sendable {
  /// The gateway forwards the headers unchanged.
  case unchangedHeaders(MessageDirection)
  /// The gateway forwards the body chunk that it keeps unchanged.
  case unchangedBody(MessageDirection)
  /// The gateway forwards the trailers unchanged.
  case trailers(MessageDirection)
  /// The gateway forwards the response's headers with some set and some removed.
  case responseHeaders(setting: [RequestHeaders.Field], removing: [String])
  /// The bytes replace a chunk that the gateway keeps.
  case replacedBody(MessageDirection, [BodySegment])
  /// A range of the current message is sent back unchanged (full-duplex mode).
  case chunk(MessageDirection, Range<Int>, endOfStream: Bool)
  /// A piece of a body is sent back (full-duplex mode).
  case bodyPiece(MessageDirection, [BodySegment], endOfStream: Bool)
  /// The decision, in a reply to the request's headers.
  case decisionInHeaders(RoutingDecision)
  /// The decision, in a reply to a buffered body. `body` replaces the client's body; nil leaves it unchanged.
  case decisionInBody(RoutingDecision, body: [BodySegment]?)
  /// The gateway answers the client itself.
  case immediate(ImmediateAnswer)
}

/// A routing decision in the form that the gateway gets.
package struct RoutingDecision: Sendable, Equatable {
  /// The endpoint's `ip:port`, or several separated by commas, best first.
  package var destination: String
  /// Headers of the request that are set.
  package var setHeaders: [RequestHeaders.Field] = []
  /// Names of headers that are removed from the request.
  package var removedHeaders: [String] = []
  /// Scores of all candidates; empty unless they are asked for.
  package var scores: [Score] = []

  /// The score of a candidate.
  package struct Score: Sendable, Equatable {
    /// The candidate's `ip:port`.
    package var destination: String
    /// The candidate's total score.
    package var score: Double

    package init(destination: String, score: Double) {
      self.destination = destination
      self.score = score
    }
  }

  /// Makes a decision without changes of headers.
  package init(destination: String) { self.destination = destination }
}

/// A response that the gateway sends to the client in place of an engine's.
package struct ImmediateAnswer: Sendable, Equatable {
  /// The HTTP status.
  package var status: Int
  /// The response's headers.
  package var headers: [RequestHeaders.Field]
  /// The response's body.
  package var body: [UInt8]
  /// A word for the gateway's log.
  package var details: String

  package init(status: Int, headers: [RequestHeaders.Field], body: [UInt8], details: String) {
    self.status = status
    self.headers = headers
    self.body = body
    self.details = details
  }

  /// Makes the response to a rejected request: a JSON error object, with `retry-after: 1` for the statuses 429 and 503.
  init(_ rejection: Rejection) {
    status = rejection.status.rawValue
    headers = [.init(name: HeaderName.contentType, value: "application/json")]
    if let reason = rejection.reason { headers.append(.init(name: HeaderName.droppedReason, value: reason.rawValue)) }
    if rejection.status == .tooManyRequests || rejection.status == .serviceUnavailable {
      headers.append(.init(name: HeaderName.retryAfter, value: "1"))
    }
    body = ErrorBody.json(for: rejection)
    details = rejection.reason?.rawValue ?? rejection.status.code
  }
}
