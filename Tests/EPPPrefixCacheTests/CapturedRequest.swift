import Foundation

/// A request that a captured engine was sent, and what it reported.
struct CapturedRequest: Decodable {
  var capture: String
  var path: String
  /// Token ids of each prompt; nil for calls that are no generation.
  var prompts: [[UInt32]]?
  var salt: String?
  var model: String?
  /// What the engine took from its cache; older versions report it only sometimes.
  var cachedTokens: Int?
  /// Numbers of the messages that came meanwhile.
  var frames: [Int]

  static func read(_ name: String) throws -> [CapturedRequest] {
    guard
      let url = Bundle.module.url(forResource: "\(name).requests", withExtension: "jsonl", subdirectory: "Fixtures")
    else { throw CocoaError(.fileNoSuchFile) }
    let text = try String(contentsOf: url, encoding: .utf8)
    return try text.split(separator: "\n").map { try JSONDecoder().decode(CapturedRequest.self, from: Data($0.utf8)) }
  }
}
