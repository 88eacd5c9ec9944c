import Testing

@testable import EPPTracing

@Suite struct TraceContextTests {
  private static let example = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

  @Test func theExampleOfTheSpecificationIsReadAndWritten() throws {
    let context = try #require(TraceContext(parent: Self.example))
    #expect(context.traceID.text == "4bf92f3577b34da6a3ce929d0e0e4736")
    #expect(context.spanText == "00f067aa0ba902b7")
    #expect(context.isSampled)
    #expect(context.parent == Self.example)
  }

  @Test(
    arguments: [
      "", "00", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
      // All zero, upper case, the version that is none, another length, other separators, no digits.
      "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
      "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
      "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
      "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
      "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
      "00_4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7_01",
      "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01",
      "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01x",
      "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-é1",
    ])
  func whatIsMalformedNamesNoTrace(_ text: String) {
    #expect(TraceContext(parent: text) == nil)
  }

  @Test func laterVersionsAndFlagsAreReadAsFarAsTheyAreKnown() {
    let later = TraceContext(parent: "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-fe-more")
    #expect(later?.isSampled == false)
    #expect(later?.parent == "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00")
  }

  @Test func headersAreReadAndLongStatesAreNotKept() {
    func context(state: String) -> TraceContext? {
      TraceContext { ["traceparent": Self.example, "tracestate": state][$0] }
    }
    #expect(context(state: "vendor=1")?.state == "vendor=1")
    #expect(context(state: String(repeating: "x", count: 513))?.state == "")
    #expect(TraceContext { ["tracestate": "vendor=1"][$0] } == nil)
  }

  @Test func callersDecideWhereTheyAreFollowed() {
    let sampled = TraceContext(parent: Self.example)
    let other = TraceContext(parent: Self.example.replacingLast("01", with: "00"))
    let never = TraceSampler(ratio: 0, followsCaller: true)
    #expect(never.context(under: sampled).isSampled)
    #expect(!TraceSampler(ratio: 1, followsCaller: true).context(under: other).isSampled)
    #expect(TraceSampler(ratio: 1, followsCaller: false).context(under: other).isSampled)
    #expect(!TraceSampler(ratio: 0, followsCaller: false).context(under: sampled).isSampled)
    #expect(!never.context(under: nil).isSampled)
    let child = never.context(under: sampled)
    #expect(child.traceID == sampled?.traceID && child.spanID != sampled?.spanID)
  }

  @Test func theShareIsThatOfTheGoSDK() {
    // TraceIDRatioBased(0.5) records where bit 63 of the last eight bytes is 0.
    let half = TraceSampler(ratio: 0.5, followsCaller: false)
    func isRecorded(_ low: UInt64) -> Bool {
      half.context(under: TraceContext(traceID: .init(high: 1, low: low), spanID: 1, isSampled: false)).isSampled
    }
    #expect(isRecorded(0) && isRecorded(0x7FFF_FFFF_FFFF_FFFF))
    #expect(!isRecorded(0x8000_0000_0000_0000) && !isRecorded(UInt64.max))
    let tenth = TraceSampler.standard
    let recorded = (0..<20_000).count { _ in tenth.context(under: nil).isSampled }
    // Ten standard deviations (42) around 2,000.
    #expect((1_580...2_420).contains(recorded))
  }
}

extension String {
  fileprivate func replacingLast(_ suffix: String, with other: String) -> String { dropLast(suffix.count) + other }
}
