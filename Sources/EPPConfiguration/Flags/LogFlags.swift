import ArgumentParser

/// Flags of the log, with those of llm-d's logging library, zap.
package struct LogFlags: ParsableArguments {
  private static let defaultVerbosity = 2
  private static let mostVerbose = 5
  private static let development = BooleanFlag("zap-devel", default: true)

  @Option(
    name: [.customShort("v"), .customLong("v")],
    help: ArgumentHelp("Verbosity: 3 adds a line per request, 4 debugs, 5 traces.", valueName: "level"))
  var verbosity = Self.defaultVerbosity
  @Option(help: ArgumentHelp("text or json (default: \(LogStyle.standard.rawValue)).", valueName: "format"))
  var logFormat: String?
  @Option(
    help: ArgumentHelp("json, or console for --log-format text.", valueName: "encoder"))
  var zapEncoder: String?
  @Option(help: ArgumentHelp("debug, info, error, or a number, which goes before -v.", valueName: "level"))
  var zapLogLevel: String?
  @Option(
    name: development.specification, defaultAsFlag: GoBoolean(true), parsing: .next,
    help: development.help("false is --log-format json", visibility: .hidden))
  var zapDevel: GoBoolean?
  @Option(help: ArgumentHelp("Has no effect.", valueName: "level", visibility: .hidden))
  var zapStacktraceLevel: String?
  @Option(help: ArgumentHelp("Has no effect: times are RFC 3339.", valueName: "encoding", visibility: .hidden))
  var zapTimeEncoding: String?

  package init() {}

  /// Checks the flags, and returns their settings.
  package func checked(_ check: inout FlagCheck) -> LogSettings {
    LogSettings(verbosity: level(&check), style: style(&check))
  }

  private func level(_ check: inout FlagCheck) -> Int {
    if verbosity < 0 {
      check.problem(
        "-v: \(verbosity) is less than 0 (\(Self.defaultVerbosity) is the default, \(Self.mostVerbose) the most)")
    }
    guard let level = zapLogLevel.given else { return min(Self.mostVerbose, verbosity) }
    let levels = ["debug": 4, "info": 2, "error": 0, "panic": 0]
    if let number = levels[level.lowercased()] { return number }
    if let number = Int(level), number >= 0 { return min(Self.mostVerbose, number) }
    check.problem("--zap-log-level: '\(level)' is none of debug, info, error, panic, and no number from 0")
    return verbosity
  }

  private func style(_ check: inout FlagCheck) -> LogStyle {
    let isDevelopment = check.given(zapDevel, Self.development)
    let encoder = zapEncoder.given.flatMap { check.word($0, of: ["json", "console"], "--zap-encoder") }
    var zap: LogStyle?
    if let encoder {
      zap = encoder == "json" ? .json : .text
    } else if isDevelopment == false {
      zap = .json
    }
    guard let format = logFormat.given, let style: LogStyle = check.choice(format, "--log-format") else {
      return zap ?? .standard
    }
    if encoder != nil, zap != style {
      check.problem("--log-format \(format) and --zap-encoder contradict each other: leave one of them out")
    }
    return style
  }
}

/// The format of log lines.
package enum LogStyle: String, Sendable, CaseIterable {
  case text
  case json

  /// The default format.
  static let standard = Self.text
}

/// The settings of the log, from `LogFlags`.
package struct LogSettings: Sendable, Equatable {
  /// How much is logged, 0...5 as in llm-d; the default is 2.
  package var verbosity: Int
  /// The format of log lines.
  package var style: LogStyle
}
