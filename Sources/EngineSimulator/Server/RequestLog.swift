import NIOCore
import NIOHTTP1

/// The latest requests, as they came, and how many are running and were given up.
///
/// Requests for `/sim/`, `/metrics`, `/health` and `/ping` are left out: those who watch an engine send them all the time.
struct RequestLog {
  /// A request as it came.
  private struct Entry {
    var number: Int
    var method: String
    var target: String
    var headers: [(String, String)]
    var body: [UInt8]
    var bodyBytes: Int
  }

  private var entries: [Entry] = []
  /// Number of requests that have come.
  private var total = 0
  /// Number of requests whose answer is not complete.
  private var running = 0
  /// Number of requests whose client has left before the answer was complete.
  private var cancelled = 0

  /// Requests that are kept at most.
  static let limit = 64
  /// Bytes of a body that are kept at most.
  static let bodyLimit = 64 << 10

  /// Whether requests for a path are in the log.
  static func includes(_ path: some StringProtocol) -> Bool {
    !path.hasPrefix("/sim/") && !["/metrics", "/health", "/ping"].contains(String(path))
  }

  /// A request has come.
  mutating func begin(_ head: HTTPRequestHead, body: ByteBuffer) {
    total += 1
    running += 1
    if entries.count == Self.limit { entries.removeFirst() }
    entries.append(
      Entry(
        number: total, method: head.method.rawValue, target: head.uri,
        headers: head.headers.map { ($0.name, $0.value) },
        body: Array(body.readableBytesView.prefix(Self.bodyLimit)), bodyBytes: body.readableBytes))
  }

  /// The answer to a request is complete, or its client has left.
  mutating func end(isCancelled: Bool) {
    running -= 1
    if isCancelled { cancelled += 1 }
  }

  /// The log in JSON, the oldest request first. Headers are pairs of name and value in the order of the request. A body that is cut
  /// has fewer bytes than `body_bytes` says, and `body_cut` is true.
  var json: String {
    let requests = entries.map { entry in
      let headers = entry.headers.map { "[\(JSONString.quoted($0.0)),\(JSONString.quoted($0.1))]" }.joined(
        separator: ",")
      let body = JSONString.quoted(String(decoding: entry.body, as: UTF8.self))
      return """
        {"number":\(entry.number),"method":\(JSONString.quoted(entry.method)),"path":\(JSONString.quoted(entry.target)),\
        "headers":[\(headers)],"body":\(body),"body_bytes":\(entry.bodyBytes),\
        "body_cut":\(entry.bodyBytes > entry.body.count)}
        """
    }
    return """
      {"total":\(total),"running":\(running),"cancelled":\(cancelled),"requests":[\(requests.joined(separator: ","))]}
      """
  }
}
