/// A request to the side channel of another engine for the blocks that are offered under a name.
struct FetchRequest: Sendable, Equatable {
  /// The path on the side channel.
  static let path = "/fetch"

  /// The name under which the blocks are offered.
  var offer: String
  /// The id that the engine has to have; nil for any.
  var engineID: String?
  /// Time for which the blocks may be waited for; nil when they have to be there.
  var waits: Duration?
  /// Tokens of the prompt that need not be sent.
  var cachedTokens = 0

  /// The object in JSON.
  var json: String {
    let wait = waits.map { "\(Int64($0 / .milliseconds(1)))" } ?? "null"
    return """
      {"offer":\(JSONString.quoted(offer)),"engine_id":\(engineID.map(JSONString.quoted) ?? "null"),"wait_ms":\(wait),\
      "cached_tokens":\(cachedTokens)}
      """
  }
}

extension FetchRequest {
  /// Reads the object; nil when it is none.
  init?(_ json: JSONNode) {
    guard let offer = json["offer"]?.text else { return nil }
    self.init(
      offer: offer, engineID: json["engine_id"]?.text,
      waits: json["wait_ms"]?.integer.map { .milliseconds(Int64(clamping: min($0, 1 << 32))) },
      cachedTokens: Int(clamping: json["cached_tokens"]?.integer ?? 0))
  }
}

/// A request to the side channel of another engine for those of a prompt's blocks that are in its cache.
struct ProbeRequest: Sendable, Equatable {
  /// The path on the side channel.
  static let path = "/probe"

  /// Hashes of the prompt's full blocks, first block first.
  var hashes: [BlockHash]
  /// Tokens of the prompt that need not be sent.
  var cachedTokens = 0

  /// The object in JSON.
  var json: String {
    let hashes = hashes.map { "\"\($0.digits)\"" }.joined(separator: ",")
    return #"{"hashes":[\#(hashes)],"cached_tokens":\#(cachedTokens)}"#
  }
}

extension ProbeRequest {
  /// Reads the object; nil when it is none.
  init?(_ json: JSONNode) {
    guard let elements = json["hashes"]?.elements else { return nil }
    let hashes = elements.compactMap { $0.text.flatMap(BlockHash.init(digits:)) }
    guard hashes.count == elements.count else { return nil }
    self.init(hashes: hashes, cachedTokens: Int(clamping: json["cached_tokens"]?.integer ?? 0))
  }
}
