package import EPPCore
import Logging

/// Logs one line for each routed or rejected request, at verbosity 3 and above. Any thread may use it.
///
/// A line is written directly into the output's buffer, without a dictionary of its fields.
package struct DecisionLog: DecisionSink {
  private let output: LogOutput

  /// Makes a log that writes to an output.
  package init(output: LogOutput) { self.output = output }

  /// Whether the verbosity is at least 3.
  package var isEnabled: Bool { output.verbosity >= .verbose }

  /// Writes the line of a decision; does nothing when the log is not enabled.
  package func record(_ decision: DecisionRecord) {
    guard isEnabled else { return }
    output.appendLine { time, bytes in
      let message =
        switch decision.outcome {
        case .routed: "request routed"
        case .rejected: "request rejected"
        }
      let line = LogLine(output.format, time: time, level: .info, logger: "decision", message: message, to: &bytes)
      line.field("request_id", Self.bounded(decision.requestID), to: &bytes)
      line.field("model", Self.bounded(decision.model), to: &bytes)
      line.field("prompt_tokens", decision.promptTokens, to: &bytes)
      switch decision.outcome {
      case .routed:
        line.field("endpoint", decision.endpoint, to: &bytes)
        line.field("candidates", decision.candidates, to: &bytes)
        if !decision.decidingScorer.isEmpty { line.field("deciding_scorer", decision.decidingScorer, to: &bytes) }
        if !decision.runnerUp.isEmpty { line.field("runner_up", decision.runnerUp, to: &bytes) }
        line.field("predicted_cached_tokens", decision.predictedCachedTokens, to: &bytes)
      case .rejected(let status):
        line.field("candidates", decision.candidates, to: &bytes)
        line.field("status", status.rawValue, to: &bytes)
      }
      if let time = decision.pickTime { line.field("pick_us", Int(time.wholeMicroseconds), to: &bytes) }
      line.end(&bytes)
    }
  }
  /// Bytes at most of a text that the client has sent.
  private static let maximumBytes = 256

  /// Returns a text cut to `maximumBytes`: clients choose the names of models and requests, which may have a megabyte.
  private static func bounded(_ text: String) -> String {
    guard text.utf8.count > maximumBytes else { return text }
    return String(decoding: text.utf8.prefix(maximumBytes), as: UTF8.self) + "…"
  }
}
