package import Logging
import Synchronization

/// Keeps what is logged.
package final class LogRecorder: Sendable {
  private struct Line: Sendable {
    var level: Logger.Level
    var message: String
    var metadata: String
  }

  private let lines = Mutex<[Line]>([])

  package init() {}

  package var logger: Logger { Logger(label: "test") { _ in Handler(recorder: self) } }

  /// Messages of a level, without their metadata.
  package func lines(_ level: Logger.Level) -> [String] {
    lines.withLock { $0.filter { $0.level == level }.map(\.message) }
  }

  /// Lines, with level and metadata, that contain a text.
  package func lines(containing text: String) -> [String] {
    lines.withLock { lines in
      lines.map { "\($0.level) \($0.message) \($0.metadata)" }.filter { $0.contains(text) }
    }
  }

  private struct Handler: LogHandler {
    let recorder: LogRecorder
    var logLevel = Logger.Level.trace
    var metadata: Logger.Metadata = [:]

    init(recorder: LogRecorder) { self.recorder = recorder }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
      let line = Line(level: event.level, message: "\(event.message)", metadata: "\(event.metadata ?? [:])")
      recorder.lines.withLock { $0.append(line) }
    }
  }
}
