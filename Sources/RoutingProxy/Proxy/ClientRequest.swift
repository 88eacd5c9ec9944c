import EPPCore
import EPPTracing
import NIOCore
import NIOHTTP1

/// A client's request as the engine gets it, with what has to be kept of its body to send it a second time.
struct ClientRequest {
  /// The longest body that is kept to be sent again.
  private static let maximumKeptBytes = 256 << 10

  /// The trace of the request; nil when it is not recorded.
  private(set) var trace: RequestTrace?

  /// The head for the engine.
  private(set) var head: HTTPRequestHead
  /// The version of HTTP that the client speaks.
  let version: HTTPVersion
  /// The length of the body that the client announces; nil where it comes in chunks.
  let announcedBytes: Int?
  /// Whether the client waits for leave to send the body.
  let expectsContinue: Bool
  /// Whether the client wants to leave HTTP.
  let asksForUpgrade: Bool
  /// Bytes of the body so far.
  private(set) var bytes = 0
  /// The body so far, while it is kept.
  private(set) var pieces: [ByteBuffer] = []
  private var isKept = true

  init(_ head: HTTPRequestHead, from client: ForwardedHead.Client) {
    version = head.version
    announcedBytes = head.headers.first(name: "content-length").flatMap { Int($0) }
    expectsContinue = head.headers[canonicalForm: "expect"].contains { $0.lowercased() == "100-continue" }
    let hasBody = announcedBytes != nil || head.headers.contains(name: "transfer-encoding")
    var forwarded = ForwardedHead.request(head, from: client, body: .asReceived(hasBody: hasBody))
    asksForUpgrade = head.headers[canonicalForm: "connection"].contains { $0.lowercased() == "upgrade" }
    // The proxy has given leave itself.
    forwarded.headers.remove(name: "expect")
    self.head = forwarded
  }

  /// The request with another path.
  func asking(for uri: String) -> ClientRequest {
    var other = self
    other.head.uri = uri
    return other
  }

  /// Takes the trace of the request, and tells the engine of it.
  mutating func join(_ begun: RequestTracing.Begun) {
    trace = begun.trace
    if let field = begun.header { head.headers.replaceOrAdd(name: field.name, value: field.value) }
  }

  /// Whether the body is short enough to be read for nothing.
  var isShort: Bool { announcedBytes.map { $0 <= 64 << 10 } ?? !head.headers.contains(name: "transfer-encoding") }

  /// Whether the whole of what was sent is kept.
  var canRepeat: Bool { isKept }

  /// Takes a piece of the body.
  ///
  /// - Parameter isSent: Whether an engine has it too, so that it need not be kept if the body is long.
  mutating func append(_ piece: ByteBuffer, isSent: Bool) {
    bytes += piece.readableBytes
    if isSent, bytes > Self.maximumKeptBytes { forget() }
    if isKept { pieces.append(piece) }
  }

  /// Keeps the body no longer.
  mutating func forget() {
    isKept = false
    pieces.removeAll()
  }

  /// Whether an answer with this status has a body.
  func hasAnswerBody(_ status: HTTPResponseStatus) -> Bool {
    head.method != .HEAD && status != .noContent && status != .notModified && status.code >= 200
  }
}
