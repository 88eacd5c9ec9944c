import ArgumentParser
import FoundationEssentials

/// The command `epp score`, which is hidden: it shows every score and filter result for described pools.
struct ScoreCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "score", abstract: "Schedules described requests over described pools.",
    discussion: """
      Reads JSON lines from standard input (a configuration, the endpoints with their load and what they hold, a \
      request), and prints for each one JSON line: what every filter has left, every score, the sums, the set of the \
      best, and the pick. Tests/Parity/README.md describes the lines.
      """,
    shouldDisplay: false)

  func run() throws {
    var scoring = PoolScoring()
    let decoder = JSONDecoder()
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    while let line = readLine() {
      if line.isEmpty { continue }
      let result: ScoreResult
      do {
        result = scoring.result(of: try decoder.decode(ScoreLine.self, from: Data(line.utf8)))
      } catch {
        result = ScoreResult(problems: ["the line cannot be read: \(error)"])
      }
      print(String(decoding: try encoder.encode(result), as: UTF8.self))
    }
  }
}
