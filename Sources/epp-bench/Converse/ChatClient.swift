import AsyncHTTPClient
import FoundationEssentials
import NIOCore
import NIOHTTP1

/// Streaming chat completions through a gateway.
struct ChatClient: Sendable {
  /// Longest line of an event stream that is read.
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

  let client: HTTPClient
  /// Base URL without a slash at its end.
  let gateway: String
  let model: String
  let maxTokens: Int
  let timeout: TimeAmount
  /// Extra request headers.
  let headers: [(String, String)]

  /// One answer and its times.
  struct Answer: Sendable {
    var text: String
    var timeToFirstToken: Duration
    var total: Duration
    var promptTokens: Int
    var cachedTokens: Int
  }

  /// Sends one request and reads the whole answer; throws `BenchError` for anything but a complete stream with usage.
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

/// The parts of a chat completion event that matter here.
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
