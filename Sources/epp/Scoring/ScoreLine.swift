/// A line of input of `epp score`: a configuration, a pool and a request.
struct ScoreLine: Decodable {
  /// An endpoint of the pool.
  struct Endpoint: Decodable {
    var name: String
    var address: String
    var labels: [String: String]?
    /// The waiting requests that the engine's page shows.
    var waiting: Int?
    /// The running requests that the engine's page shows.
    var running: Int?
    /// The share of the KV cache that the engine's page shows.
    var kvCacheUsage: Double?
    /// Requests of this process in flight, all of them dispatched before the scrape.
    var inFlightRequests: Int?
    /// Their tokens that are not computed.
    var inFlightTokens: Int?
    /// Blocks of the request's prompt that the endpoint holds, from the first on.
    var cachedBlocks: Int?
    var lora: Adapters?
    /// Further numbers of the endpoint, by key.
    var attributes: [String: Double]?
    var isStale: Bool?
  }

  /// The LoRA adapters of an endpoint.
  struct Adapters: Decodable {
    var running: [String]
    var waiting: [String]
    var maximum: Int
  }

  /// The request.
  struct Request: Decodable {
    var path: String?
    var headers: [String: String]?
    var body: JSONValue?
    var priority: Int?
  }

  var id: JSONValue?
  /// The text of an EndpointPickerConfig.
  var configuration: String
  var endpoints: [Endpoint]
  var request: Request
  /// Endpoints to which earlier requests went that no endpoint held a part of, oldest first.
  var history: [String]?
  /// The seed of random numbers.
  var seed: UInt64?
  /// How often the pick is drawn.
  var draws: Int?
}

/// A line of output of `epp score`.
struct ScoreResult: Encodable {
  /// What the prompt was read as.
  struct Prompt: Encodable {
    var tokens: Int
    var blocks: Int
  }

  /// What a filter has left.
  struct FilterResult: Encodable {
    var name: String
    var kept: [String]
  }

  /// A profile that was run.
  struct Profile: Encodable {
    var profile: String
    var stage: String
    var filters: [FilterResult]
    var candidates: [String]
    /// The scores by scorer and endpoint.
    var scores: [String: [String: Double]]
    /// The weighted sums by endpoint.
    var totals: [String: Double]
    /// The endpoints with the greatest sum.
    var best: [String]
    /// How often an endpoint was picked first.
    var picks: [String: Int]
  }

  /// Why the request is not routed.
  struct Refusal: Encodable {
    var status: Int
    var message: String
    var reason: String?
  }

  var id: JSONValue?
  var prompt: Prompt?
  var profiles: [Profile]?
  var destination: String?
  var headers: [String: String]?
  var rejection: Refusal?
  /// What is wrong with the configuration or the line.
  var problems: [String]?
}

/// Any JSON value.
indirect enum JSONValue: Codable {
  case null
  case boolean(Bool)
  case integer(Int)
  case number(Double)
  case text(String)
  case list([JSONValue])
  case object([String: JSONValue])

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if container.decodeNil() {
      self = .null
    } else if let value = try? container.decode(Bool.self) {
      self = .boolean(value)
    } else if let value = try? container.decode(Int.self) {
      self = .integer(value)
    } else if let value = try? container.decode(Double.self) {
      self = .number(value)
    } else if let value = try? container.decode(String.self) {
      self = .text(value)
    } else if let value = try? container.decode([JSONValue].self) {
      self = .list(value)
    } else {
      self = .object(try container.decode([String: JSONValue].self))
    }
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .null: try container.encodeNil()
    case .boolean(let value): try container.encode(value)
    case .integer(let value): try container.encode(value)
    case .number(let value): try container.encode(value)
    case .text(let value): try container.encode(value)
    case .list(let value): try container.encode(value)
    case .object(let value): try container.encode(value)
    }
  }
}
