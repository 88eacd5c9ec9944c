import RoutingProxy
import Testing

/// Requests whose engine fetches blocks of the prompt from another one.
@Suite struct PeerBlocksTests {
  private static let body = #"{"model":"m","prompt":"hello","max_tokens":9}"#
  private static let ok = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"

  private static func body(of message: String) -> String {
    message.split(separator: "\r\n\r\n", maxSplits: 1).last.map(String.init) ?? ""
  }

  private static func from(_ source: String, prefiller: String? = nil) -> String {
    "POST /v1/completions HTTP/1.1\r\nHost: pod\r\nx-kv-cache-source-host-port: \(source)\r\n"
      + (prefiller.map { "x-prefiller-host-port: \($0)\r\n" } ?? "")
      + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
  }

  @Test func anEngineIsToldWhereBlocksAre() throws {
    let parts = try ProxyParts { $0.disaggregation.fetchesFromPeers = true }
    try parts.send(Self.from("10.0.0.8:8000"))
    #expect(parts.origins.map(\.role) == [.decoder])
    let decode = try parts.request(0)
    #expect(!decode.contains("x-kv-cache-source-host-port"))
    let body = Self.body(of: decode)
    #expect(body.hasPrefix(Self.body.dropLast() + #","kv_transfer_params":{"remote_kv_source":{"kv_request_id":""#))
    #expect(body.hasSuffix(#"","remote_host":"10.0.0.8","remote_port":7777}}}"#))
    try parts.reply(Self.ok, 0)
    #expect(try parts.answer() == Self.ok)
    // The body stays as it is where a source is not allowed; the request is served.
    try parts.send(Self.from("169.254.169.254:8000"))
    #expect(try Self.body(of: parts.request(0)) == Self.body)
    #expect(parts.metric(#"routing_sidecar_targets_refused_total{reason="special"}"#) == "1")
  }

  @Test func aPrefillEngineFetchesFromOthersAlone() throws {
    let parts = try ProxyParts { $0.disaggregation.fetchesFromPeers = true }
    try parts.send(Self.from("10.0.0.8:8000", prefiller: "10.0.0.7:8000"))
    #expect(try parts.request(0).contains(#""remote_kv_source":{"#))
    let own = try ProxyParts { $0.disaggregation.fetchesFromPeers = true }
    try own.send(Self.from("10.0.0.7:8000", prefiller: "10.0.0.7:8000"))
    #expect(try !own.request(0).contains("remote_kv_source"))
    let off = try ProxyParts()
    try off.send(Self.from("10.0.0.8:8000"))
    #expect(try Self.body(of: off.request(0)) == Self.body)
  }
}
