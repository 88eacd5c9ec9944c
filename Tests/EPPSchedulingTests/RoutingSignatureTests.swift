import EPPCore
import EPPScheduling
import Testing

@Suite struct RoutingSignatureTests {
  private static let start = MonotonicTime(nanoseconds: 1_000_000_000_000)

  private static func signature(_ secret: String = String(repeating: "a", count: 32)) -> RoutingSignature {
    let ring = SessionKeyRing()
    ring.replace(with: [SessionSigningKey(Array(secret.utf8))])
    ring.setTime(1_800_000_000, at: start)
    return RoutingSignature(ring)
  }

  private static let headers = [
    RequestHeaders.Field(name: "x-other", value: "1"),
    RequestHeaders.Field(name: HeaderName.prefillerHostPort, value: "10.0.0.7:8000"),
  ]

  private static func isValid(
    _ signature: RoutingSignature, _ headers: [RequestHeaders.Field], after seconds: Int = 0
  ) -> Bool {
    signature.isValid({ name in headers.last { $0.name == name }?.value }, now: start.advanced(by: .seconds(seconds)))
  }

  @Test func aSignatureIsThatOfItsHeaders() throws {
    let signature = Self.signature()
    let field = try #require(signature.field(for: Self.headers, now: Self.start))
    #expect(field.name == "x-warmpath-routing-signature")
    #expect(Self.isValid(signature, Self.headers + [field]))
    // Headers that are not about routing are not signed.
    #expect(Self.isValid(signature, [Self.headers[1], field]))
    let other = RequestHeaders.Field(name: HeaderName.prefillerHostPort, value: "10.0.0.8:8000")
    #expect(!Self.isValid(signature, [other, field]))
    let more = RequestHeaders.Field(name: HeaderName.dataParallelHostPort, value: "10.0.0.8:8000")
    #expect(!Self.isValid(signature, [Self.headers[1], more, field]))
    // The same value under another name.
    let moved = RequestHeaders.Field(name: HeaderName.encoderHostsPorts, value: "10.0.0.7:8000")
    #expect(!Self.isValid(signature, [moved, field]))
  }

  @Test func withoutASignatureHeadersCountForNothing() throws {
    let signature = Self.signature()
    #expect(!Self.isValid(signature, Self.headers))
    #expect(
      !Self.isValid(signature, Self.headers + [.init(name: HeaderName.routingSignature, value: "garbage")]))
    // A request without such headers needs none.
    #expect(Self.isValid(signature, [Self.headers[0]]))
    #expect(signature.field(for: [Self.headers[0]], now: Self.start) == nil)
    #expect(RoutingSignature(SessionKeyRing()).field(for: Self.headers, now: Self.start) == nil)
  }

  @Test func itEndsAfterAMinuteAndNeedsTheKey() throws {
    let signature = Self.signature()
    let field = try #require(signature.field(for: Self.headers, now: Self.start))
    #expect(Self.isValid(signature, Self.headers + [field], after: 59))
    #expect(!Self.isValid(signature, Self.headers + [field], after: 61))
    #expect(!Self.isValid(Self.signature(String(repeating: "b", count: 32)), Self.headers + [field]))
  }

  /// A token that clients have must never be a signature.
  @Test func aSessionTokenIsNoSignature() throws {
    let ring = SessionKeyRing()
    ring.replace(with: [SessionSigningKey(Array(repeating: 0x61, count: 32))])
    ring.setTime(1_800_000_000, at: Self.start)
    let token = try #require(ring.token(for: "10.0.0.7:8000", timeToLive: .seconds(60), now: Self.start))
    #expect(
      !Self.isValid(RoutingSignature(ring), Self.headers + [.init(name: HeaderName.routingSignature, value: token)]))
  }
}
