import EPPCore
package import NIOHTTP1

/// Heads of messages as they go on to the other side of a proxy (RFC 9110 section 7.6): what is about one connection stays behind.
package enum ForwardedHead {
  /// The side of the proxy that the client is on.
  package struct Client: Sendable, Equatable {
    /// The client's address as text; nil where the connection has none.
    package var address: String?
    /// Whether the client's connection is encrypted.
    package var isEncrypted: Bool

    package init(address: String?, isEncrypted: Bool) {
      self.address = address
      self.isEncrypted = isEncrypted
    }
  }

  /// Headers about one connection, besides those that `connection` names. `te` and `trailer` stay behind too: trailers of requests
  /// are not sent on.
  private static let connectionHeaders = [
    "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
    "transfer-encoding", "upgrade",
  ]

  /// The head of a request for an engine.
  package static func request(_ head: HTTPRequestHead, from client: Client, body: Body) -> HTTPRequestHead {
    var forwarded = HTTPRequestHead(version: .http1_1, method: head.method, uri: head.uri)
    let upgrade = upgrade(head.headers)
    forwarded.headers = endToEnd(head.headers)
    // They are the proxy's own and never an engine's.
    for name in HeaderName.routingHeaders + [HeaderName.routingSignature] { forwarded.headers.remove(name: name) }
    frame(&forwarded.headers, body)
    if let upgrade {
      forwarded.headers.add(name: "connection", value: "upgrade")
      forwarded.headers.add(name: "upgrade", value: upgrade)
    }
    if let address = client.address { append(&forwarded.headers, HeaderName.forwardedFor, address) }
    // What a proxy before this one has said is about the client; this one sees only that proxy.
    if !forwarded.headers.contains(name: "x-forwarded-proto") {
      forwarded.headers.add(name: "x-forwarded-proto", value: client.isEncrypted ? "https" : "http")
    }
    if !forwarded.headers.contains(name: "x-forwarded-host"), let host = head.headers.first(name: "host") {
      forwarded.headers.add(name: "x-forwarded-host", value: host)
    }
    return forwarded
  }

  /// The head of an engine's answer for the client.
  package static func response(_ head: HTTPResponseHead, body: Body) -> HTTPResponseHead {
    var forwarded = HTTPResponseHead(version: .http1_1, status: head.status, headers: endToEnd(head.headers))
    if head.status == .switchingProtocols, let upgrade = upgrade(head.headers) {
      forwarded.headers.add(name: "connection", value: "upgrade")
      forwarded.headers.add(name: "upgrade", value: upgrade)
      return forwarded
    }
    frame(&forwarded.headers, body)
    return forwarded
  }

  /// How the length of a body is said.
  package enum Body: Sendable, Equatable {
    /// As the other side said it: its `content-length`, or in chunks where it had none and a body follows.
    case asReceived(hasBody: Bool)
    /// This many bytes.
    case bytes(Int)
  }

  private static func frame(_ headers: inout HTTPHeaders, _ body: Body) {
    switch body {
    case .asReceived(let hasBody):
      if hasBody, !headers.contains(name: "content-length") { headers.add(name: "transfer-encoding", value: "chunked") }
    case .bytes(let count):
      headers.replaceOrAdd(name: "content-length", value: String(count))
    }
  }

  private static func endToEnd(_ headers: HTTPHeaders) -> HTTPHeaders {
    var kept = headers
    // The length of a body is not about the connection, whatever a client says: without it the engine would take the body for the
    // next request.
    for name in headers[canonicalForm: "connection"] where name.lowercased() != "content-length" {
      kept.remove(name: String(name))
    }
    for name in connectionHeaders { kept.remove(name: name) }
    return kept
  }

  /// The protocol that a message switches to; nil for none.
  private static func upgrade(_ headers: HTTPHeaders) -> String? {
    guard headers[canonicalForm: "connection"].contains(where: { $0.lowercased() == "upgrade" }) else { return nil }
    // An upgrade to HTTP/2 is an offer that nobody has to take up, and HTTP/2 to engines is not spoken here.
    return headers.first(name: "upgrade").flatMap { $0.lowercased() == "h2c" ? nil : $0 }
  }

  private static func append(_ headers: inout HTTPHeaders, _ name: String, _ value: String) {
    let earlier = headers[name].filter { !$0.isEmpty }
    headers.replaceOrAdd(name: name, value: (earlier + [value]).joined(separator: ", "))
  }
}
