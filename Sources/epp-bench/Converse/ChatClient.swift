import AsyncHTTPClient
import FoundationEssentials
import NIOCore
import NIOHTTP1

/// Sends streaming chat completions through a gateway.
struct ChatClient: Sendable {
  /// Bytes of the longest line of an event stream that is read.
  private static let lineLimit = 1 << 20

  private struct Request: Encodable {
    struct StreamOptions: Encodable { var includeUsage = true }
    var model: String
    var messages: [ChatMessage]
    var maxTokens: Int
    var temperature = 0
    var stream = true
    var streamOptions = StreamOptions()
  }

  /// The HTTP client.
  let client: HTTPClient
  /// Base URL of the gateway, without a slash at its end.
  let gateway: String
  /// The model's name in requests.
  let model: String
  /// Tokens of an answer at most.
  let maxTokens: Int
  /// Longest time of a request.
  let timeout: TimeAmount
  /// Additional headers of requests.
  let headers: [(String, String)]

  /// The answer to a request.
  struct Answer: Sendable {
    /// The text of the answer.
    var text: String
    /// Time from sending the request to the first event.
    var timeToFirstToken: Duration
    /// Time from sending the request to the end of the answer.
    var total: Duration
    /// Prompt tokens by the answer's usage.
    var promptTokens: Int
    /// Cached prompt tokens by the answer's usage; 0 when it does not name them.
    var cachedTokens: Int
  }

  /// Sends a request and reads the whole answer.
  ///
  /// - Throws: `BenchError` when the answer is not a complete stream with usage; errors of the HTTP client.
  func complete(_ messages: [ChatMessage]) async throws -> Answer {
    var request = HTTPClientRequest(url: gateway + "/v1/chat/completions")
    request.method = .POST
    request.headers.add(name: "content-type", value: "application/json")
    for (name, value) in headers { request.headers.add(name: name, value: value) }
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    let body = try encoder.encode(Request(model: model, messages: messages, maxTokens: maxTokens))
    request.body = .bytes(ByteBuffer(bytes: body))
    let start = ContinuousClock.now
    let response = try await client.execute(request, timeout: timeout)
    guard response.status == .ok else {
      // The body is read so that the connection can be used again.
      _ = try await response.body.collect(upTo: Self.lineLimit)
      throw BenchError("HTTP status \(response.status.code)")
    }
    return try await read(response.body, since: start)
  }

  private func read(_ body: HTTPClientResponse.Body, since start: ContinuousClock.Instant) async throws -> Answer {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    var lines = EventLines(limit: Self.lineLimit)
    var text = ""
    var first: Duration?
    var usage: ChatEvent.Usage?
    for try await chunk in body {
      for line in try lines.append(chunk) {
        first = first ?? (ContinuousClock.now - start)
        guard line != "[DONE]" else { continue }
        guard let event = try? decoder.decode(ChatEvent.self, from: Data(line.utf8)) else {
          throw BenchError("an event that is not JSON")
        }
        if let error = event.error { throw BenchError("error event: \(error.message ?? "without a message")") }
        text += event.choices?.first?.delta?.content ?? ""
        usage = event.usage ?? usage
      }
    }
    guard let first, let usage else { throw BenchError("a stream without usage") }
    return Answer(
      text: text, timeToFirstToken: first, total: ContinuousClock.now - start, promptTokens: usage.promptTokens ?? 0,
      cachedTokens: usage.promptTokensDetails?.cachedTokens ?? 0)
  }
}

/// The members of a chat completion event that are read.
struct ChatEvent: Decodable {
  struct Usage: Decodable {
    struct Details: Decodable { var cachedTokens: Int? }
    var promptTokens: Int?
    var promptTokensDetails: Details?
  }

  struct Choice: Decodable {
    struct Delta: Decodable { var content: String? }
    var delta: Delta?
  }

  struct Failure: Decodable { var message: String? }

  var choices: [Choice]?
  var usage: Usage?
  var error: Failure?
}
