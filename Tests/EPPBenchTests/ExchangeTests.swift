import NIOCore
import Testing

@testable import epp_bench

@Suite struct ExchangeTests {
  /// Messages as the picker writes them, by hand: a field is its tag, its length, its bytes.
  private static func field(_ number: UInt8, _ content: [UInt8]) -> [UInt8] {
    [number << 3 | 2, UInt8(content.count)] + content
  }

  private static func response(_ bytes: [UInt8]) throws -> ProcessingResponse {
    try #require(ProcessingResponse(ByteBuffer(bytes: bytes)))
  }

  static func routed(_ destination: String = "10.0.0.1:80") throws -> ProcessingResponse {
    let header = field(1, Array("x-gateway-destination-endpoint".utf8)) + field(3, Array(destination.utf8))
    return try response(field(1, field(1, field(2, field(1, field(1, header))))))
  }

  /// A streamed body piece of the request (field 3) or the response (field 4).
  static func body(_ direction: UInt8, _ text: String, end: Bool = false) throws -> ProcessingResponse {
    let streamed = (end ? [2 << 3, 1] : []) + field(1, Array(text.utf8))
    return try response(field(direction, field(1, field(3, field(3, streamed)))))
  }

  static func headersOfResponse() throws -> ProcessingResponse { try response(field(2, field(1, []))) }

  @Test func aWholeExchangeInLockstep() throws {
    var exchange = Exchange(requestBytes: 5, pacing: .lockstep)
    #expect(try exchange.received(Self.routed()) == .wait)
    #expect(try exchange.received(Self.body(3, "hel")) == .wait)
    #expect(!exchange.isRouted)
    #expect(try exchange.received(Self.body(3, "lo", end: true)) == .startResponse)
    #expect(exchange.isRouted)
    exchange.sentResponse(bytes: 4, isLast: false)
    #expect(try exchange.received(Self.headersOfResponse()) == .wait)
    // The chunk comes back in two pieces: the next goes out only behind the second.
    #expect(try exchange.received(Self.body(4, "ab")) == .wait)
    #expect(try exchange.received(Self.body(4, "cd")) == .sendChunk)
    exchange.sentResponse(bytes: 1, isLast: true)
    #expect(try exchange.received(Self.body(4, "e", end: true)) == .halfClose)
    #expect(exchange.outcome(of: .status(0)) == .completed)
    #expect(exchange.outcome(of: .status(13)) == .failed(.grpcStatus(13)))
    #expect(exchange.outcome(of: .connectionLost) == .failed(.connectionLost))
  }

  @Test func bodiesThatChangeAreFailures() throws {
    var short = Exchange(requestBytes: 5, pacing: .burst)
    _ = try short.received(Self.routed())
    #expect(try short.received(Self.body(3, "hell", end: true)) == .fail(.bodyChanged))
    #expect(short.outcome(of: .status(0)) == .failed(.bodyChanged))

    var answer = Exchange(requestBytes: 0, pacing: .burst)
    _ = try answer.received(Self.routed())
    _ = try answer.received(Self.body(3, "", end: true))
    answer.sentResponse(bytes: 3, isLast: true)
    _ = try answer.received(Self.headersOfResponse())
    #expect(try answer.received(Self.body(4, "xy", end: true)) == .fail(.bodyChanged))
  }

  @Test func aServerThatLeavesAfterTheRequestIsNoFailure() throws {
    var exchange = Exchange(requestBytes: 0, pacing: .lockstep)
    _ = try exchange.received(Self.routed())
    _ = try exchange.received(Self.body(3, "", end: true))
    #expect(exchange.outcome(of: .status(0)) == .leftEarly)
  }

  @Test func messagesOutOfOrderAreFailures() throws {
    var early = Exchange(requestBytes: 0, pacing: .burst)
    #expect(try early.received(Self.headersOfResponse()) == .fail(.unexpectedResponse))
    #expect(try early.received(Self.routed()) == .wait)
    var twice = Exchange(requestBytes: 1, pacing: .burst)
    _ = try twice.received(Self.routed())
    #expect(try twice.received(Self.routed()) == .fail(.unexpectedResponse))
    var nowhere = Exchange(requestBytes: 1, pacing: .burst)
    #expect(try nowhere.received(Self.response(Self.field(1, Self.field(1, [])))) == .fail(.noDestination))
  }

  @Test func immediateResponsesAreReported() throws {
    // ImmediateResponse{status{code: 503}}: 503 is f7 03.
    let refused = try Self.response(Self.field(7, Self.field(1, [1 << 3, 0xF7, 0x03])))
    #expect(refused.immediateStatus == 503)
    var exchange = Exchange(requestBytes: 1, pacing: .burst)
    #expect(exchange.received(refused) == .fail(.immediateResponse(503)))
  }

  @Test func theDestinationIsWhereTheResponseSaysIt() throws {
    let routed = try Self.routed("[::1]:8000")
    let range = try #require(routed.destination)
    #expect(range.count == "[::1]:8000".utf8.count)
  }

  @Test(arguments: [[0xFF], [0x0A, 0x7F], [1 << 3 | 2, 2, 0x0A, 0x7F], []] as [[UInt8]])
  func whatIsNoResponseIsRefused(_ bytes: [UInt8]) {
    #expect(ProcessingResponse(ByteBuffer(bytes: bytes)) == nil)
  }
}
