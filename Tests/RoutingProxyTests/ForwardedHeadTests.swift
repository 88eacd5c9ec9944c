import EPPCore
import NIOHTTP1
import RoutingProxy
import Testing

/// What of a message's head goes on to the other side.
@Suite struct ForwardedHeadTests {
  private let client = ForwardedHead.Client(address: "10.9.8.7", isEncrypted: false)

  private func request(_ headers: HTTPHeaders, body: ForwardedHead.Body = .asReceived(hasBody: false)) -> HTTPHeaders {
    let head = HTTPRequestHead(version: .http1_1, method: .POST, uri: "/v1/completions?a=b", headers: headers)
    let forwarded = ForwardedHead.request(head, from: client, body: body)
    #expect(forwarded.uri == head.uri && forwarded.method == head.method)
    return forwarded.headers
  }

  @Test func headersOfAConnectionStayBehind() {
    let headers = request([
      "Host": "engine", "Connection": "keep-alive, X-Private", "Keep-Alive": "timeout=5", "X-Private": "1",
      "TE": "trailers",
      "Trailer": "x", "Proxy-Authorization": "Basic YQ==", "Transfer-Encoding": "chunked", "Authorization": "Bearer t",
    ])
    #expect(
      headers.map { "\($0.name.lowercased()): \($0.value)" }.sorted() == [
        "authorization: Bearer t", "host: engine", "x-forwarded-for: 10.9.8.7", "x-forwarded-host: engine",
        "x-forwarded-proto: http",
      ])
  }

  /// A client cannot have a length removed by naming it, nor send targets on to an engine.
  @Test func framingAndTargetsAreTheProxys() {
    #expect(
      request(["Connection": "content-length", "Content-Length": "5"], body: .asReceived(hasBody: true))[
        "content-length"] == ["5"])
    #expect(request([:], body: .asReceived(hasBody: true))["transfer-encoding"] == ["chunked"])
    let changed = request(["Content-Length": "5", "Transfer-Encoding": "chunked"], body: .bytes(42))
    #expect(changed["content-length"] == ["42"] && !changed.contains(name: "transfer-encoding"))
    for name in HeaderName.routingHeaders + [HeaderName.routingSignature] {
      #expect(!request([name: "10.0.0.1:8000"]).contains(name: name))
    }
  }

  @Test func addressesAreAppendedAndWhatAnEarlierProxySaidIsKept() {
    let headers = request([
      "X-Forwarded-For": "1.2.3.4", "x-forwarded-for": "5.6.7.8", "X-Forwarded-Proto": "https",
      "X-Forwarded-Host": "api.example",
      "Host": "pod",
    ])
    #expect(headers["x-forwarded-for"] == ["1.2.3.4, 5.6.7.8, 10.9.8.7"])
    #expect(headers["x-forwarded-proto"] == ["https"])
    #expect(headers["x-forwarded-host"] == ["api.example"])
    let encrypted = ForwardedHead.request(
      HTTPRequestHead(version: .http1_1, method: .GET, uri: "/"), from: .init(address: nil, isEncrypted: true),
      body: .asReceived(hasBody: false))
    #expect(encrypted.headers["x-forwarded-proto"] == ["https"] && !encrypted.headers.contains(name: "x-forwarded-for"))
  }

  @Test func aSwitchOfProtocolsGoesOn() {
    let headers = request(["Connection": "Upgrade, X", "Upgrade": "websocket", "Sec-WebSocket-Key": "k", "X": "1"])
    #expect(headers["connection"] == ["upgrade"] && headers["upgrade"] == ["websocket"] && !headers.contains(name: "x"))
    #expect(!request(["Upgrade": "h2c"]).contains(name: "upgrade"))
    let answer = ForwardedHead.response(
      HTTPResponseHead(
        version: .http1_1, status: .switchingProtocols, headers: ["Connection": "Upgrade", "Upgrade": "websocket"]),
      body: .asReceived(hasBody: false))
    #expect(answer.headers["upgrade"] == ["websocket"] && !answer.headers.contains(name: "transfer-encoding"))
  }

  @Test func answersAreFramedAnew() {
    let head = HTTPResponseHead(
      version: .http1_0, status: .ok,
      headers: ["Connection": "close", "Transfer-Encoding": "chunked", "Content-Type": "text/event-stream"])
    let forwarded = ForwardedHead.response(head, body: .asReceived(hasBody: true))
    #expect(forwarded.version == .http1_1)
    #expect(forwarded.headers["transfer-encoding"] == ["chunked"] && !forwarded.headers.contains(name: "connection"))
    #expect(forwarded.headers["content-type"] == ["text/event-stream"])
  }
}
