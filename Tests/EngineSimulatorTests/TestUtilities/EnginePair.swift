import EPPCore
import EngineSimulator
import FoundationEssentials
import Testing

/// A prefill and a decode engine with the same connector.
struct EnginePair {
  let prefill: EngineClient
  let decode: EngineClient

  /// A prompt of many blocks, as a JSON string.
  static let prompt = "\"\(String(repeating: "Once upon a time, in a forest. ", count: 20))\""

  /// Runs both engines while `body` runs.
  static func with(
    _ connector: KVTransferOptions.Connector, prefill change: (inout KVTransferOptions) -> Void = { _ in },
    decode changeDecode: (inout KVTransferOptions) -> Void = { _ in }, _ body: (EnginePair) async throws -> Void
  ) async throws {
    var first = KVTransferOptions(connector)
    first.mode = .prefill
    change(&first)
    var second = KVTransferOptions(connector)
    changeDecode(&second)
    try await EngineClient.with {
      $0.kvTransfer = first
    } _: { prefill in
      try await EngineClient.with {
        $0.kvTransfer = second
      } _: { decode in
        try await body(EnginePair(prefill: prefill, decode: decode))
      }
    }
  }

  /// The side channel of the prefill engine.
  var side: EndpointAddress {
    get throws { try #require(prefill.server.sideChannel) }
  }

  /// A completion of the usual prompt with other members.
  static func body(_ members: String, maximum: Int = 3) -> String {
    #"{"model":"tiny","prompt":\#(prompt),"max_tokens":\#(maximum),\#(members)}"#
  }
}

extension EngineClient {
  /// Sends a completion of the usual prompt with other members.
  func complete(_ members: String, maximum: Int = 3) async throws -> Answer {
    try await post("/v1/completions", EnginePair.body(members, maximum: maximum))
  }

  /// A number of `/sim/transfers`.
  func transfers(_ name: String) async throws -> Double? {
    guard case .number(let number)? = try await get("/sim/transfers").json[name] else { return nil }
    return number
  }

  /// A number of `/sim/requests`.
  func requests(_ name: String) async throws -> Double? {
    guard case .number(let number)? = try await get("/sim/requests").json[name] else { return nil }
    return number
  }
}

extension EngineClient.Answer {
  /// The member `kv_transfer_params` as text.
  var transferParameters: String {
    get throws {
      let start = try #require(text.ranges(of: #""kv_transfer_params":"#).first)
      let end = try #require(text.ranges(of: #","ec_transfer_params""#).first)
      return String(text[start.upperBound..<end.lowerBound])
    }
  }

  /// Cached tokens of the usage.
  var cachedTokens: JSONValue? {
    get throws { try json["usage", "prompt_tokens_details", "cached_tokens"] }
  }

  /// Tokens of the prompt less the last one, which every engine computes.
  var reusableTokens: JSONValue? {
    get throws {
      guard case .number(let prompt)? = try json["usage", "prompt_tokens"] else { return nil }
      return .number(prompt - 1)
    }
  }
}

/// A directory that exists while `body` runs.
func withTemporaryDirectory(_ body: (String) async throws -> Void) async throws {
  let path = FileManager.default.temporaryDirectory.appending(path: "engine-sim-\(UUID().uuidString)").path
  try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  let outcome: Result<Void, any Error>
  do { outcome = .success(try await body(path)) } catch { outcome = .failure(error) }
  try FileManager.default.removeItem(atPath: path)
  try outcome.get()
}
