import EPPObservability
import Synchronization

/// Keeps what a log output writes.
final class LogCapture: Sendable {
  private let bytes = Mutex<[UInt8]>([])

  var lines: [String] {
    String(decoding: bytes.withLock { $0 }, as: UTF8.self).split(separator: "\n").map(String.init)
  }

  func append(_ more: [UInt8]) { bytes.withLock { $0 += more } }

  /// An output of a fixed time, 2026-03-01T09:05:07.042Z.
  func output(_ format: LogFormat, verbosity: Verbosity = .normal, capacity: Int = 1 << 20) -> LogOutput {
    LogOutput(
      format: format, verbosity: verbosity, capacity: capacity,
      clock: { Timestamp(milliseconds: 1_772_355_907_042) }, write: { self.append($0) })
  }
}
