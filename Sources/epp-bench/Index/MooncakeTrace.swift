import FoundationEssentials

/// The requests of a trace in the format of Mooncake (FAST'25): one JSON object per line, with ids of blocks of 512 tokens.
/// Equal ids mean equal prefixes up to the end of the block.
struct MooncakeTrace {
  /// A request of the trace.
  struct Request: Decodable {
    /// Tokens of the prompt; the block of the last id may be partly filled.
    var inputLength: Int
    /// Ids of the prompt's blocks of 512 tokens.
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

  /// The requests in the order of the trace.
  let requests: [Request]

  /// Reads at most `limit` lines of a file.
  ///
  /// - Throws: `BenchError` when the file cannot be read, has no requests, or has a malformed line.
  init(file: String, limit: Int) throws {
    let text: String
    do { text = try String(contentsOfFile: file, encoding: .utf8) } catch {
      throw BenchError("cannot read the trace \(file): \(error)")
    }
    try self.init(lines: text, limit: limit)
  }

  /// Reads at most `limit` lines of a text.
  ///
  /// - Throws: `BenchError` when the text has no requests or a malformed line.
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

/// A block of 16 tokens in a trace's block of 512 tokens.
struct TraceBlock: Hashable {
  /// Number of blocks of an id.
  static let perID = 512 / Chain.blockTokens

  private let number: UInt64

  init(id: UInt32, position: Int) { number = UInt64(id) * UInt64(Self.perID) + UInt64(position) }

  private var chain: Chain { Chain(number: number / UInt64(Self.perID), blocks: Self.perID) }
  private var position: Int { Int(number % UInt64(Self.perID)) }

  /// The engine's hash of the block.
  var hash: UInt64 { chain.hash(position) }
  /// The tokens of the block.
  var tokens: [UInt32] { chain.tokens(position..<(position + 1)) }
}
