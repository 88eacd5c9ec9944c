import AsyncHTTPClient
import NIOCore
import NIOHTTP1

/// An engine whose counters are read.
struct EngineReference: Sendable {
  /// The engine's name in tables.
  var name: String
  /// The URL of the engine, without `/metrics`.
  var url: String
}

/// Counters of an engine, from its `/metrics` page.
struct EngineCounters: Codable, Sendable {
  /// Finished requests, with any reason.
  var requests = 0.0
  /// Tokens that were looked up in the prefix cache.
  var queriedTokens = 0.0
  /// Tokens that were found in the prefix cache.
  var hitTokens = 0.0

  /// Bytes of the largest page that is read.
  private static let pageLimit = 16 << 20

  /// Share of the queried tokens that were found, 0...1.
  var hitRatio: Double { queriedTokens > 0 ? hitTokens / queriedTokens : 0 }

  /// Reads the counters of an engine.
  ///
  /// - Throws: `BenchError` when the page cannot be read.
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

  /// Sums the series of each family of a page; absent families are zero.
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
