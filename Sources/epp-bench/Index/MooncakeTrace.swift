import FoundationEssentials

/// Requests of a trace in the format of Mooncake's (FAST'25): a JSON object a line, with the ids of chained blocks of 512
/// tokens, where an equal id means an equal prefix up to there.
struct MooncakeTrace {
  struct Request: Decodable {
    /// Tokens; the last id's block may be partly filled.
    var inputLength: Int
    var hashIDs: [UInt32]

    private enum CodingKeys: String, CodingKey {
      case inputLength = "input_length"
      case hashIDs = "hash_ids"
    }

    /// The prompt's full blocks of 16 tokens.
    var blocks: [TraceBlock] {
      let count = min(max(0, inputLength) / Chain.blockTokens, hashIDs.count * TraceBlock.perID)
      return (0..<count).map { TraceBlock(id: hashIDs[$0 / TraceBlock.perID], position: $0 % TraceBlock.perID) }
    }
  }

  let requests: [Request]

  /// Parses the lines of a file, at most `limit` of them.
  init(file: String, limit: Int) throws {
    let text: String
    do { text = try String(contentsOfFile: file, encoding: .utf8) } catch {
      throw BenchError("cannot read the trace \(file): \(error)")
    }
    try self.init(lines: text, limit: limit)
  }

  init(lines: String, limit: Int) throws {
    let decoder = JSONDecoder()
    requests = try lines.split(separator: "\n").prefix(limit).enumerated().map { number, line in
      do { return try decoder.decode(Request.self, from: Data(line.utf8)) } catch {
        throw BenchError("line \(number + 1) of the trace has no input_length and hash_ids: \(error)")
      }
    }
    if requests.isEmpty { throw BenchError("the trace has no requests") }
  }
}

/// A block of 16 tokens within a trace's block of 512.
struct TraceBlock: Hashable {
  static let perID = 512 / Chain.blockTokens

  private let number: UInt64

  init(id: UInt32, position: Int) { number = UInt64(id) * UInt64(Self.perID) + UInt64(position) }

  private var chain: Chain { Chain(number: number / UInt64(Self.perID), blocks: Self.perID) }
  private var position: Int { Int(number % UInt64(Self.perID)) }

  var hash: UInt64 { chain.hash(position) }
  var tokens: [UInt32] { chain.tokens(position..<(position + 1)) }
}
