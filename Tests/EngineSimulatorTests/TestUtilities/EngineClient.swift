import AsyncHTTPClient
import EPPCore
import EngineSimulator
import NIOCore
import NIOHTTP1
import Testing

/// A client of one simulated engine.
struct EngineClient: Sendable {
  let server: EngineServer
  let http: HTTPClient

  /// An answer that was read to its end.
  struct Answer: Sendable {
    var status: Int
    var headers: HTTPHeaders
    var text: String

    var json: JSONValue {
      get throws { try JSONValue(text) }
    }

    /// The events of a stream, the last one `[DONE]`.
    var events: [String] {
      text.split(separator: "\n\n").map { String($0.trimmingPrefix("data: ")) }
    }
  }

  /// Runs an engine on a free port while `body` runs.
  static func with(
    _ change: (inout EngineOptions) -> Void = { _ in }, _ body: (EngineClient) async throws -> Void
  ) async throws {
    var options = EngineOptions()
    options.models = ["tiny"]
    options.interTokenLatency = .milliseconds(1)
    change(&options)
    let server = try await EngineServer.start(options: options)
    // A refused connection is an outcome here, not something to try again.
    var configuration = HTTPClient.Configuration()
    configuration.connectionPool.retryConnectionEstablishment = false
    let http = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    let outcome: Result<Void, any Error>
    do { outcome = .success(try await body(EngineClient(server: server, http: http))) } catch {
      outcome = .failure(error)
    }
    try await http.shutdown()
    try await server.stop()
    try outcome.get()
  }

  /// A request, with its answer yet to be read.
  func open(
    _ method: HTTPMethod, _ path: String, body: String? = nil,
    headers: HTTPHeaders = ["content-type": "application/json"],
    within deadline: TimeAmount = .seconds(30)
  ) async throws -> HTTPClientResponse {
    var request = HTTPClientRequest(url: "http://\(server.address)\(path)")
    request.method = method
    request.headers = headers
    if let body { request.body = .bytes(ByteBuffer(string: body)) }
    return try await http.execute(request, timeout: deadline)
  }

  func send(
    _ method: HTTPMethod, _ path: String, body: String? = nil,
    headers: HTTPHeaders = ["content-type": "application/json"],
    within deadline: TimeAmount = .seconds(30)
  ) async throws -> Answer {
    let response = try await open(method, path, body: body, headers: headers, within: deadline)
    let text = String(buffer: try await response.body.collect(upTo: 16 << 20))
    return Answer(status: Int(response.status.code), headers: response.headers, text: text)
  }

  func post(_ path: String, _ body: String, headers: HTTPHeaders = ["content-type": "application/json"]) async throws
    -> Answer
  {
    try await send(.POST, path, body: body, headers: headers)
  }

  func get(_ path: String) async throws -> Answer { try await send(.GET, path, headers: [:]) }

  /// The value of a series of the metrics page whose line starts with `series`; nil when there is none.
  func metric(_ series: String) async throws -> Double? {
    Self.metric(series, in: try await get("/metrics").text)
  }

  static func metric(_ series: String, in page: String) -> Double? {
    let line = page.split(separator: "\n").last { $0.hasPrefix(series) }
    return line?.split(separator: " ").last.flatMap { Double($0) }
  }

  /// Waits until a condition holds, at most ten seconds.
  func wait(for condition: () async throws -> Bool, _ location: SourceLocation = #_sourceLocation) async throws {
    let end = ContinuousClock.now + .seconds(10)
    while try await !condition() {
      guard ContinuousClock.now < end else {
        Issue.record("the condition did not come true in ten seconds", sourceLocation: location)
        return
      }
      await Task.yield()
    }
  }
}

extension String {
  /// How often a text occurs.
  func count(of text: String) -> Int { ranges(of: text).count }
}
