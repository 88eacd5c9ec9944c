package import EPPCore
import EPPRequests

/// Which way a message of an exchange goes.
package enum MessageDirection: Sendable, Equatable {
  case request
  case response
}

/// A message of the gateway (`ProcessingRequest`), with what is read of it.
package enum ReceivedMessage: Sendable {
  case requestHeaders(RequestHead)
  case responseHeaders(ResponseHead)
  case requestTrailers
  case responseTrailers
  /// `payload` is where the bytes stand in the transport's message.
  case body(MessageDirection, payload: Range<Int>, endOfStream: Bool)
}

/// The request's headers and what came with them.
package struct RequestHead: Sendable {
  package var headers = RequestHeaders()
  package var endOfStream = false
  package var configuration: ProtocolConfiguration?
  /// The peer's address without its port.
  package var sourceAddress: String?

  package init() {}

  /// Bytes of the body, where the client has announced it.
  package var contentLength: Int? { headers.first(HeaderName.contentLength).flatMap { Int($0) } }

  /// Whether no body will come although the stream goes on: a connection that becomes another protocol's (RFC 9110 section 7.8,
  /// RFC 8441), or a method whose requests have none (RFC 9110 section 9.3), unless the headers announce one.
  package var announcesNoBody: Bool {
    if let connection = headers.first(HeaderName.connection), Self.names("upgrade", in: connection) { return true }
    switch headers.first(HeaderName.method) {
    case "CONNECT": return true
    case "GET", "HEAD", "OPTIONS", "TRACE":
      return (contentLength ?? 0) == 0 && headers.first(HeaderName.transferEncoding) == nil
    default: return false
    }
  }

  /// Whether a word is in a list with commas, whatever its case.
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

/// What is read of an engine's answer before its body.
package struct ResponseHead: Sendable {
  /// The HTTP status; nil when it is missing or no number.
  package var status: Int?
  package var isEventStream = false
  package var isJSON = false
  /// Whether the body is compressed, so that nothing can be read out of it.
  package var isEncoded = false
  package var endOfStream = false
  package var configuration: ProtocolConfiguration?

  package init() {}
}

/// Metadata that gateways attach to messages.
package struct GatewayMetadata: Sendable {
  /// The subset hint; nil when this message carries none.
  package var subset: SubsetHint?
  /// The endpoint that served, as `ip:port`.
  package var served: String?

  package init(subset: SubsetHint? = nil, served: String? = nil) {
    self.subset = subset
    self.served = served
  }
}

/// A message for the gateway (`ProcessingResponse`).
package enum ReplyMessage: Sendable {
  /// Headers, or a body in a mode where the gateway keeps it, go on as they are.
  case unchangedHeaders(MessageDirection)
  case unchangedBody(MessageDirection)
  case trailers(MessageDirection)
  /// The answer's headers go on with some more, and without others.
  case responseHeaders(setting: [RequestHeaders.Field], removing: [String])
  /// Other bytes take the place of a chunk that the gateway keeps.
  case replacedBody(MessageDirection, [BodySegment])
  /// Bytes of the message at hand are sent back as they came.
  case chunk(MessageDirection, Range<Int>, endOfStream: Bool)
  /// A piece of a body that is sent back.
  case bodyPiece(MessageDirection, [BodySegment], endOfStream: Bool)
  case decisionInHeaders(RoutingDecision)
  /// `body` takes the place of the client's; nil leaves it.
  case decisionInBody(RoutingDecision, body: [BodySegment]?)
  case immediate(ImmediateAnswer)
}

/// A decision as the gateway is told it.
package struct RoutingDecision: Sendable, Equatable {
  /// `ip:port`, or several separated by commas, best first.
  package var destination: String
  /// Changes of the request's headers.
  package var setHeaders: [RequestHeaders.Field] = []
  package var removedHeaders: [String] = []
  /// Scores of all candidates by destination, where they are asked for.
  package var scores: [Score] = []

  package struct Score: Sendable, Equatable {
    package var destination: String
    package var score: Double

    package init(destination: String, score: Double) {
      self.destination = destination
      self.score = score
    }
  }

  package init(destination: String) { self.destination = destination }
}

/// The answer for the client instead of an engine's.
package struct ImmediateAnswer: Sendable, Equatable {
  /// The HTTP status.
  package var status: Int
  package var headers: [RequestHeaders.Field]
  package var body: [UInt8]
  /// For the gateway's log.
  package var details: String

  package init(status: Int, headers: [RequestHeaders.Field], body: [UInt8], details: String) {
    self.status = status
    self.headers = headers
    self.body = body
    self.details = details
  }

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
