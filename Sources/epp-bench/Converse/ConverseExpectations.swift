import ArgumentParser
import FoundationEssentials

/// Flags of the results that a workload has to reach, alone or compared with an earlier run.
struct ConverseExpectations: ParsableArguments {
  @Option(help: ArgumentHelp("JSON of an earlier run to compare with.", valueName: "file"))
  var baseline: String?

  @Option(help: "Fail when the hit ratio (0...1) is lower.")
  var minimumHitRatio: Double?

  @Option(help: "Fail when the hit ratio is less than this many times the baseline's.")
  var minimumGain: Double?

  @Option(help: "Fail when the first token of a cold prompt takes less than this many times that of a warm one.")
  var minimumWarmGain: Double?

  func validate() throws {
    guard minimumGain == nil || baseline != nil else { throw ValidationError("--minimum-gain needs --baseline.") }
  }

  /// Reads the report of the earlier run; nil when none is given.
  func readBaseline() throws -> ConverseReport? {
    guard let baseline else { return nil }
    do {
      return try JSONDecoder().decode(ConverseReport.self, from: Data(contentsOf: URL(filePath: baseline)))
    } catch {
      throw BenchError("cannot read --baseline \(baseline): \(error)")
    }
  }

  /// Returns a table that compares two runs.
  func comparison(of report: ConverseReport, with baseline: ConverseReport) -> String {
    var table = TextTable(header: ["", "baseline", "this run", "gain"])
    let gain = baseline.hitRatio > 0 ? (report.hitRatio / baseline.hitRatio).decimals(2) : "-"
    table.add(
      "prefix hit ratio", (baseline.hitRatio * 100).decimals(1) + " %", (report.hitRatio * 100).decimals(1) + " %",
      gain + " times")
    let times: [(String, KeyPath<LatencySummary, Double>)] = [("p50", \.p50), ("p90", \.p90), ("mean", \.mean)]
    for (name, path) in times {
      let (old, new) = (baseline.timeToFirstToken[keyPath: path], report.timeToFirstToken[keyPath: path])
      table.add(
        "time to first token, \(name), ms", (old / 1000).decimals(1), (new / 1000).decimals(1),
        (new > 0 ? (old / new).decimals(2) : "-") + " times")
    }
    return table.text
  }

  /// Returns a message for each expectation that the report does not meet.
  func unmet(by report: ConverseReport, baseline: ConverseReport?) -> [String] {
    var messages: [String] = []
    if let minimumHitRatio, report.hitRatio < minimumHitRatio {
      messages.append("hit ratio \(report.hitRatio.decimals(3)) is below \(minimumHitRatio)")
    }
    if let minimumGain, let baseline, report.hitRatio < minimumGain * baseline.hitRatio {
      messages.append(
        "hit ratio \(report.hitRatio.decimals(3)) is less than \(minimumGain) times \(baseline.hitRatio.decimals(3))")
    }
    if let minimumWarmGain {
      let gain = report.warmGain ?? 0
      if gain < minimumWarmGain {
        messages.append("cold over warm time to first token is \(gain.decimals(2)), below \(minimumWarmGain)")
      }
    }
    return messages
  }
}
