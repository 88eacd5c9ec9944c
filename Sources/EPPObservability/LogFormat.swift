/// How lines are written (`--log-format`).
package enum LogFormat: String, Sendable, CaseIterable {
  /// `2026-03-01T09:05:07.042Z info epp: message key=value`.
  case text
  /// One JSON object a line.
  case json
}
