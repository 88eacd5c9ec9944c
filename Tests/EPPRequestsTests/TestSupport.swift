import EPPCore
import EPPRequests
import Foundation
import Testing

/// A body and what was read out of it.
struct ParsedRequest {
  var request: InferenceRequest
  var prompt: CanonicalPrompt

  init(_ api: InferenceAPI, _ body: String) throws(Rejection) { try self.init(api, Array(body.utf8)) }

  init(_ api: InferenceAPI, _ body: [UInt8]) throws(Rejection) {
    prompt = CanonicalPrompt()
    request = try unsafe RequestParser().parse(api: api, body: body.span.bytes, prompt: &prompt)
  }

  /// The canonical prompt with its marks made visible.
  var text: String { visible(prompt.bytes[...]) }

  /// The messages of the canonical prompt; tools and the system's text before them are one of their own.
  var segments: [String] {
    var starts = prompt.bytes.indices.filter { prompt.bytes[$0] == 0xFF }
    if starts.first != 0 { starts.insert(0, at: 0) }
    return zip(starts, starts.dropFirst() + [prompt.bytes.count]).map { visible(prompt.bytes[$0..<$1]) }
  }
}

/// The rejection of a body; an issue when it is accepted.
func rejection(_ api: InferenceAPI, _ body: String, sourceLocation: SourceLocation = #_sourceLocation) -> Rejection? {
  do {
    _ = try ParsedRequest(api, body)
    Issue.record("accepted: \(body.prefix(200))", sourceLocation: sourceLocation)
    return nil
  } catch {
    return error
  }
}

private func visible(_ bytes: ArraySlice<UInt8>) -> String {
  let names: [UInt8: String] = [
    0xFF: "<message>", 0xFE: "<content>", 0xFD: "<text>", 0xFC: "<tools>", 0xFB: "<system>", 0xFA: "'", 0xF9: "<value>",
    0xF8: "<member>",
  ]
  var text: [UInt8] = []
  var index = bytes.startIndex
  while index < bytes.endIndex {
    if bytes[index] == 0xF7 {
      text += Array("<digest>".utf8)
      index += 17
      continue
    }
    if let name = names[bytes[index]] { text += Array(name.utf8) } else { text.append(bytes[index]) }
    index += 1
  }
  return String(decoding: text, as: UTF8.self)
}

/// Whether the cursor takes the bytes as one JSON value; the error otherwise.
func cursorError(_ bytes: [UInt8]) -> JSONError? {
  do throws(JSONError) {
    var cursor = unsafe JSONCursor(bytes.span.bytes)
    try unsafe cursor.skipValue(bytes.span.bytes)
    try unsafe cursor.finish(bytes.span.bytes)
    return nil
  } catch {
    return error
  }
}

func cursorError(_ text: String) -> JSONError? { cursorError(Array(text.utf8)) }

/// The unescaped text of a JSON string.
func unescaped(_ text: String) throws(JSONError) -> [UInt8] {
  let bytes = Array(text.utf8)
  var cursor = unsafe JSONCursor(bytes.span.bytes)
  var output = Array("before ".utf8)
  try unsafe cursor.readString(bytes.span.bytes).append(from: bytes.span.bytes, to: &output)
  return Array(output.dropFirst("before ".utf8.count))
}

/// A recorded request and its answer.
struct RecordedExchange {
  var path: String
  var body: [UInt8]
  var answer: [UInt8]

  init(_ name: String) throws {
    let file = try #require(JSONSerialization.jsonObject(with: try fixture(name + ".json")) as? [String: Any])
    let request = try #require(file["request"] as? [String: Any])
    path = try #require(request["path"] as? String)
    let body = try #require(request["body"])
    self.body = Array(try (body as? String).map { Data($0.utf8) } ?? JSONSerialization.data(withJSONObject: body))
    answer = Array(try JSONSerialization.data(withJSONObject: try #require(file["response"])))
  }
}

func fixture(_ name: String) throws -> Data {
  try Data(contentsOf: Bundle.module.bundleURL.appending(path: "Fixtures/\(name)"))
}
