import Testing

@testable import epp_bench

@Suite struct MooncakeTraceTests {
  private static let lines = """
    {"timestamp": 0, "input_length": 1100, "output_length": 6, "hash_ids": [0, 1, 2]}
    {"timestamp": 9, "input_length": 1024, "output_length": 2, "hash_ids": [0, 3]}

    """

  @Test func onlyFullBlocksOfAPromptCount() throws {
    let trace = try MooncakeTrace(lines: Self.lines, limit: 10)
    #expect(trace.requests.map(\.blocks.count) == [68, 64])
  }

  @Test func equalIDsAreEqualPrefixes() throws {
    let prompts = try MooncakeTrace(lines: Self.lines, limit: 10).requests.map(\.blocks)
    #expect(prompts[0].prefix(32) == prompts[1].prefix(32))
    #expect(prompts[0][32] != prompts[1][32])
    #expect(Set((prompts[0] + prompts[1]).map(\.hash)).count == 68 + 32)
    #expect(prompts[0][40].tokens.count == 16)
    #expect(prompts[0][40].tokens != prompts[0][41].tokens)
  }

  @Test func requestsAreTakenFromTheBeginning() throws {
    #expect(try MooncakeTrace(lines: Self.lines, limit: 1).requests.map(\.hashIDs) == [[0, 1, 2]])
  }

  @Test(arguments: ["", "[1]", "{\"input_length\": 3}"]) func aFileThatIsNoTraceIsRefused(_ lines: String) {
    #expect(throws: BenchError.self) { try MooncakeTrace(lines: lines, limit: 1) }
  }

  /// The replay compares every answer with what the engines hold, and throws if one is wrong.
  @Test(arguments: TraceReplay.Routing.allCases) func aReplayIndexesWhatTheEnginesHold(_ routing: TraceReplay.Routing)
    throws
  {
    let lines = (0..<150).map { number in
      let ids = [number % 12] + (0..<(number % 4)).map { 20 + number % 12 * 4 + $0 }
      return "{\"input_length\": \(ids.count * 512 - number % 40), \"hash_ids\": \(ids)}"
    }
    let trace = try MooncakeTrace(lines: lines.joined(separator: "\n"), limit: 1_000)
    let report = try TraceReplay(trace: trace, endpoints: 3, routing: routing, engineBlocks: 300).run()
    #expect(report.removedBlocks > 0)
    #expect(report.storedBlocks - report.removedBlocks == report.pairs)
    #expect(report.hitRatio > 0 && report.hitRatio < 1)
    #expect(report.pairs <= 3 * 300)
  }
}
