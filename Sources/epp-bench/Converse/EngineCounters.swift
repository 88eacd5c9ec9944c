import AsyncHTTPClient
import NIOCore
import NIOHTTP1

/// An engine by its name in tables and the URL at which its metrics page is found.
struct EngineReference: Sendable {
  var name: String
  var url: String
}

/// What an engine counts itself, from its `/metrics` page.
struct EngineCounters: Codable, Sendable {
  /// Finished requests, of every reason.
  var requests = 0.0
  /// Tokens that were looked up in the prefix cache, and those that were found.
  var queriedTokens = 0.0
  var hitTokens = 0.0

  private static let pageLimit = 16 << 20

  var hitRatio: Double { queriedTokens > 0 ? hitTokens / queriedTokens : 0 }

  static func read(_ engine: EngineReference, with client: HTTPClient) async throws -> EngineCounters {
    do {
      let response = try await client.execute(HTTPClientRequest(url: engine.url + "/metrics"), timeout: .seconds(10))
      let page = String(buffer: try await response.body.collect(upTo: pageLimit))
      guard response.status == .ok else { throw BenchError("HTTP status \(response.status.code)") }
      return EngineCounters(page: page)
    } catch {
      throw BenchError("cannot read \(engine.url)/metrics: \(error)")
    }
  }

  /// Sums the series of the three families; absent families count as zero.
  init(page: String) {
    for line in page.split(separator: "\n") where line.hasPrefix("vllm:") {
      let name = line.prefix(while: { $0 != "{" && $0 != " " })
      guard let value = line.split(separator: " ").last.flatMap({ Double($0) }) else { continue }
      switch name {
      case "vllm:request_success_total": requests += value
      case "vllm:prefix_cache_queries_total": queriedTokens += value
      case "vllm:prefix_cache_hits_total": hitTokens += value
      default: break
      }
    }
  }

  init() {}

  static func - (left: Self, right: Self) -> Self {
    var difference = Self()
    difference.requests = left.requests - right.requests
    difference.queriedTokens = left.queriedTokens - right.queriedTokens
    difference.hitTokens = left.hitTokens - right.hitTokens
    return difference
  }

  static func + (left: Self, right: Self) -> Self {
    var sum = Self()
    sum.requests = left.requests + right.requests
    sum.queriedTokens = left.queriedTokens + right.queriedTokens
    sum.hitTokens = left.hitTokens + right.hitTokens
    return sum
  }
}
