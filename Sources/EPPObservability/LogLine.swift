import EPPCore
import Logging

/// Appends one log line to a buffer, field by field.
///
/// Control characters are escaped in both formats, because texts may come from clients: an event is always one line.
struct LogLine {
  private let format: LogFormat
  /// Names of the fields that every line has. Another field with such a name gets the prefix `_`.
  private static let reserved: Set<String> = ["time", "level", "logger", "msg"]
  /// Levels of nested metadata that are written; deeper ones are left out.
  private static let maximumDepth = 8

  /// Begins a line with time, level, logger and message.
  init(
    _ format: LogFormat, time: Timestamp, level: Logger.Level, logger: String, message: String,
    to bytes: inout [UInt8]
  ) {
    self.format = format
    switch format {
    case .json:
      bytes.append(contentsOf: #"{"time":""#.utf8)
      time.append(to: &bytes)
      bytes.append(contentsOf: #"","level":""#.utf8)
      bytes.append(contentsOf: level.rawValue.utf8)
      bytes.append(contentsOf: #"","logger":"#.utf8)
      bytes.appendJSONString(logger)
      bytes.append(contentsOf: #","msg":"#.utf8)
      bytes.appendJSONString(message)
    case .text:
      time.append(to: &bytes)
      bytes.append(0x20)
      bytes.append(contentsOf: level.rawValue.utf8)
      bytes.append(0x20)
      bytes.appendOnOneLine(logger)
      bytes.append(contentsOf: ": ".utf8)
      bytes.appendOnOneLine(message)
    }
  }

  /// Appends a field with a text. The name must have no special characters and not be reserved.
  func field(_ name: String, _ value: String, to bytes: inout [UInt8]) {
    begin(own: name, &bytes)
    append(value, &bytes)
  }

  /// Appends a field with a number. The name must have no special characters and not be reserved.
  func field(_ name: String, _ value: Int, to bytes: inout [UInt8]) {
    begin(own: name, &bytes)
    bytes.append(number: value)
  }

  /// Appends a field of metadata, with any name.
  func field(_ name: String, _ value: Logger.MetadataValue, to bytes: inout [UInt8]) {
    begin(name, &bytes)
    append(value, depth: 0, &bytes)
  }

  /// Ends the line.
  func end(_ bytes: inout [UInt8]) {
    if format == .json { bytes.append(0x7D) }
    bytes.append(0x0A)
  }

  private func begin(_ name: String, _ bytes: inout [UInt8]) {
    let isReserved = Self.reserved.contains(name)
    switch format {
    case .json:
      bytes.append(0x2C)
      bytes.appendJSONString(isReserved ? "_" + name : name)
      bytes.append(0x3A)
    case .text:
      bytes.append(0x20)
      bytes.appendOnOneLine(isReserved ? "_" + name : name)
      bytes.append(0x3D)
    }
  }

  private func begin(own name: String, _ bytes: inout [UInt8]) {
    switch format {
    case .json:
      bytes.append(contentsOf: ",\"".utf8)
      bytes.append(contentsOf: name.utf8)
      bytes.append(contentsOf: "\":".utf8)
    case .text:
      bytes.append(0x20)
      bytes.append(contentsOf: name.utf8)
      bytes.append(0x3D)
    }
  }

  /// Appends a text; in the text format with quotes only where it is empty or has spaces, quotes, `=`, `\` or control
  /// characters.
  private func append(_ value: String, _ bytes: inout [UInt8]) {
    let needsQuotes =
      format == .json || value.isEmpty
      || value.utf8.contains { $0 <= 0x20 || $0 == 0x22 || $0 == 0x3D || $0 == 0x5C || $0 == 0x7F }
    if needsQuotes { bytes.appendJSONString(value) } else { bytes.append(contentsOf: value.utf8) }
  }

  /// Appends a value of metadata. Arrays and dictionaries are JSON in both formats; dictionaries are sorted by key.
  private func append(_ value: Logger.MetadataValue, depth: Int, _ bytes: inout [UInt8]) {
    switch value {
    case .string(let text):
      if depth > 0 { bytes.appendJSONString(text) } else { append(text, &bytes) }
    case .stringConvertible(let convertible):
      switch convertible {
      case let number as any FixedWidthInteger: bytes.append(contentsOf: String(describing: number).utf8)
      case let number as Double where number.isFinite: bytes.append(contentsOf: number.description.utf8)
      case let truth as Bool: bytes.append(contentsOf: (truth ? "true" : "false").utf8)
      default:
        let text = convertible.description
        if depth > 0 { bytes.appendJSONString(text) } else { append(text, &bytes) }
      }
    case .array(let values):
      bytes.append(0x5B)
      for (index, value) in values.enumerated() where depth < Self.maximumDepth {
        if index > 0 { bytes.append(0x2C) }
        append(value, depth: depth + 1, &bytes)
      }
      bytes.append(0x5D)
    case .dictionary(let values):
      bytes.append(0x7B)
      for (index, (key, value)) in values.sorted(by: { $0.key < $1.key }).enumerated() where depth < Self.maximumDepth {
        if index > 0 { bytes.append(0x2C) }
        bytes.appendJSONString(key)
        bytes.append(0x3A)
        append(value, depth: depth + 1, &bytes)
      }
      bytes.append(0x7D)
    }
  }
}

extension [UInt8] {
  /// Appends a number in decimal.
  mutating func append(number: Int) { append(contentsOf: number.description.utf8) }
}

/// The format of log lines (`--log-format`).
package enum LogFormat: String, Sendable, CaseIterable {
  /// Lines such as `2026-03-01T09:05:07.042Z info epp: message key=value`.
  case text
  /// One JSON object per line.
  case json
}
