package import Logging

/// A log handler that writes each event as one line, in text or JSON.
package struct LineLogHandler: LogHandler {
  private let label: String
  private let output: LogOutput
  private var ownLevel: Logger.Level?

  package var metadata: Logger.Metadata = [:]
  package var metadataProvider: Logger.MetadataProvider?

  /// Makes a handler.
  ///
  /// - Parameters:
  ///   - label: Name of the logger in the lines.
  ///   - output: Where the lines are written.
  package init(label: String, output: LogOutput) {
    self.label = label
    self.output = output
  }

  /// The least severe level that is written: the output's, unless a level was set for this logger.
  package var logLevel: Logger.Level {
    get { ownLevel ?? output.verbosity.logLevel }
    set { ownLevel = newValue }
  }

  package subscript(metadataKey key: String) -> Logger.MetadataValue? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  /// Writes an event as one line; an event of level `error` or above is written at once.
  package func log(event: LogEvent) {
    // The event's own metadata wins over the logger's, and that over the provider's.
    var fields = metadataProvider?.get() ?? [:]
    if !metadata.isEmpty { fields.merge(metadata) { _, new in new } }
    if let own = event.metadata { fields.merge(own) { _, new in new } }
    let sorted = fields.sorted { $0.key < $1.key }
    output.appendLine(isUrgent: event.level >= .error) { time, bytes in
      let line = LogLine(
        output.format, time: time, level: event.level, logger: label, message: event.message.description, to: &bytes)
      for (name, value) in sorted { line.field(name, value, to: &bytes) }
      if let error = event.error, fields["error"] == nil {
        line.field("error", String(describing: error), to: &bytes)
      }
      line.end(&bytes)
    }
  }
}

extension LogOutput {
  /// Makes a logger that writes to this output.
  ///
  /// - Parameter label: Name of the logger in the lines.
  package func logger(label: String) -> Logger {
    Logger(label: label) { LineLogHandler(label: $0, output: self) }
  }
}
