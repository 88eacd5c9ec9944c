package import EPPCore

/// Signs the headers by which the picker tells a sidecar where to go, so that nobody else can. Any thread may use it.
///
/// The signature is a signed token over the values of `HeaderName.routingHeaders`, in their order; it counts for a minute.
package struct RoutingSignature: Sendable {
  private static let timeToLive = Duration.seconds(60)

  private let ring: SessionKeyRing

  /// - Parameter ring: The keys, which the picker and its sidecars share.
  package init(_ ring: SessionKeyRing) { self.ring = ring }

  /// The header with the signature of the headers that a request gets; nil when none of them is for a sidecar, or without a key.
  package func field(for headers: [RequestHeaders.Field], now: MonotonicTime) -> RequestHeaders.Field? {
    guard let text = Self.text({ name in headers.last { $0.name == name }?.value }) else { return nil }
    return ring.token(for: text, timeToLive: Self.timeToLive, now: now).map {
      RequestHeaders.Field(name: HeaderName.routingSignature, value: $0)
    }
  }

  /// Whether a request's signature is that of its headers; true where none of them is for a sidecar.
  ///
  /// - Parameter value: The value of a header of the request; nil where it has none.
  package func isValid(_ value: (String) -> String?, now: MonotonicTime) -> Bool {
    guard let text = Self.text(value) else { return true }
    guard let signature = value(HeaderName.routingSignature), let token = try? ring.read(signature, now: now) else {
      return false
    }
    return token.names(text)
  }

  /// What is signed; nil where there is nothing. It is no endpoint's address, so that no session token is a signature.
  private static func text(_ value: (String) -> String?) -> String? {
    let values = HeaderName.routingHeaders.map(value)
    guard values.contains(where: { $0 != nil }) else { return nil }
    return "routing headers\n" + values.map { ($0 ?? "") + "\n" }.joined()
  }
}
