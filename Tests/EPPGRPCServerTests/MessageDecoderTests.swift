import EPPCore
import EPPExtProc
import EPPPrefixCache
import EPPRouting
import EPPScheduling
import EPPTestKit
import Testing

@testable import EPPGRPCServer

@Suite struct MessageDecoderTests {
  private let decoder = MessageDecoder(interest: HeaderInterest(additional: ["X-Team"]))

  private func decode(_ bytes: [UInt8]) -> (DecodedMessage, GatewayMetadata)? {
    decoder.decode(bytes.span.bytes)
  }

  @Test func keepsTheHeadersThatSomeoneAsksForInLowerCase() throws {
    let bytes =
      WireSamples.headers(
        2,
        [
          (":path", "/v1/completions"), ("X-Request-Id", "abc"), ("accept", "*/*"), ("x-team", "search"),
          ("x-gateway-destination-endpoint", "6.6.6.6:1"), ("content-length", "12"),
        ]) + WireSamples.message(11, WireSamples.number(1, 2) + WireSamples.number(2, 4))
    guard case .message(.requestHeaders(let head))? = decode(bytes)?.0 else {
      Issue.record("not read as request headers")
      return
    }
    #expect(!head.endOfStream)
    #expect(head.headers.first(":path") == "/v1/completions")
    #expect(head.headers.first("x-request-id") == "abc")
    #expect(head.headers.first("x-team") == "search")
    #expect(head.headers.first("x-gateway-destination-endpoint") == "6.6.6.6:1")
    #expect(head.headers.first("accept") == nil)
    #expect(head.configuration == ProtocolConfiguration(requestBody: .buffered, responseBody: .fullDuplexStreamed))
  }

  @Test func aNewConfigurationsHeadersAreKeptFromTheNextStreamOn() {
    let picker = InProcessPicker()
    let service = ExtProcService(picker.settings, health: HealthState())
    func team() -> String? {
      let bytes = WireSamples.headers(2, [(":path", "/v1/completions"), ("x-team", "search")])
      guard case .message(.requestHeaders(let head))? = service.decoder.decode(bytes.span.bytes)?.0 else { return nil }
      return head.headers.first("x-team")
    }
    #expect(team() == nil)
    let profile = ProfileConfiguration(scorers: [.init(.sessionAffinity(header: "x-team"), weight: 1)])
    picker.pool.pipeline.configuration = RoutingConfiguration(
      settings: RoutingConfiguration.Settings(tokenDeadline: .zero),
      scheduler: Scheduler(profile, seed: HashSeed(first: 1, second: 2)))
    service.refresh()
    #expect(team() == "search")
  }

  @Test func readsTheOlderValueFieldWhereThereIsNoRawValue() {
    let bytes = WireSamples.message(2, WireSamples.message(1, WireSamples.header(":path", "/x", raw: false)))
    guard case .message(.requestHeaders(let head))? = decode(bytes)?.0 else {
      Issue.record("not read as request headers")
      return
    }
    #expect(head.headers.first(":path") == "/x")
  }

  @Test func anUnknownBodyModeIsTakenForFullDuplex() {
    let bytes = WireSamples.headers(2, []) + WireSamples.message(11, WireSamples.number(1, 99))
    guard case .message(.requestHeaders(let head))? = decode(bytes)?.0 else {
      Issue.record("not read as request headers")
      return
    }
    #expect(head.configuration?.requestBody == .fullDuplexStreamed)
    #expect(head.configuration?.responseBody == BodyMode.none)
  }

  @Test(arguments: [
    (
      WireSamples.listValue([WireSamples.stringValue("10.0.0.1:8000"), WireSamples.stringValue(" [::1]:9 ")]),
      ["10.0.0.1:8000", "[::1]:9"]
    ),
    (WireSamples.stringValue("10.0.0.1:8000, 10.0.0.2:8000,"), ["10.0.0.1:8000", "10.0.0.2:8000"]),
    (WireSamples.listValue([]), []),
  ])
  func readsTheSubsetHint(value: [UInt8], expected: [String]) {
    let structure = WireSamples.structure("x-gateway-destination-endpoint-subset", value)
    let bytes = WireSamples.headers(2, []) + WireSamples.metadata("envoy.lb.subset_hint", structure)
    #expect(decode(bytes)?.1.subset == .only(expected))
  }

  @Test func readsWhichEndpointServed() {
    let structure = WireSamples.structure(
      "x-gateway-destination-endpoint-served", WireSamples.stringValue("10.0.0.9:1"))
    let bytes = WireSamples.headers(3, [(":status", "200")]) + WireSamples.metadata("envoy.lb", structure)
    #expect(decode(bytes)?.1.served == "10.0.0.9:1")
  }

  @Test(arguments: [("10.1.2.3:4567", "10.1.2.3"), ("[2001:db8::1]:80", "2001:db8::1"), ("10.1.2.3", "10.1.2.3")])
  func readsTheClientAddressWithoutItsPort(text: String, expected: String) {
    let structure = WireSamples.structure("source.address", WireSamples.stringValue(text))
    let entry = WireSamples.message(1, Array("envoy.filters.http.ext_proc".utf8)) + WireSamples.message(2, structure)
    guard
      case .message(.requestHeaders(let head))? = decode(WireSamples.headers(2, []) + WireSamples.message(9, entry))?.0
    else {
      Issue.record("not read as request headers")
      return
    }
    #expect(head.sourceAddress == expected)
  }

  @Test func readsTheAnswersStatusAndKind() {
    let headers = [
      (":status", "503"), ("content-type", "Text/Event-Stream; charset=utf-8"), ("content-encoding", "gzip"),
    ]
    guard case .message(.responseHeaders(let head))? = decode(WireSamples.headers(3, headers, endOfStream: true))?.0
    else {
      Issue.record("not read as response headers")
      return
    }
    #expect(head.status == 503)
    #expect(head.isEventStream)
    #expect(head.isEncoded)
    #expect(head.endOfStream)
  }

  /// 60 KB of nesting overflow the stack of a recursive decoder; here they are bytes that nobody enters.
  @Test func nestedMetadataCostsNothing() {
    var value = WireSamples.stringValue("x")
    for _ in 0..<10_000 where value.count < 60_000 {
      value = WireSamples.message(5, WireSamples.structure("a", value))
    }
    let structure = WireSamples.structure("x-gateway-destination-endpoint-subset", value)
    let bytes = WireSamples.headers(2, []) + WireSamples.metadata("envoy.lb.subset_hint", structure)
    let decoded = decode(bytes)
    #expect(decoded != nil)
    #expect(decoded?.1.subset == nil)
  }

  @Test func headersThatUnpackToTooMuchAreRefused() {
    // Each empty header is two bytes on the wire and about 100 in memory.
    let flood = Array(repeating: WireSamples.message(1, []), count: 400_000).flatMap { $0 }
    #expect(decode(WireSamples.message(2, WireSamples.message(1, flood))) == nil)
  }

  @Test func garbageNeverTraps() {
    var generator = SeededGenerator(seed: 3)
    for _ in 0..<20_000 {
      let bytes = (0..<Int.random(in: 0..<80, using: &generator)).map { _ in
        UInt8.random(in: 0...255, using: &generator)
      }
      _ = decode(bytes)
      _ = decoder.decodeMetadata(bytes)
      _ = StructReader(bytes).value("a")
    }
  }
}
