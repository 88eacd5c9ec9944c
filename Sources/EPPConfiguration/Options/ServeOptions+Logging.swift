/// Flags of the log: ours, and those of the anchor's logging library.
extension ServeOptions {
  func logVerbosity(_ check: inout OptionsCheck) -> Int {
    if verbosity < 0 { check.problem("-v: \(verbosity) is less than 0 (2 is the default, 5 the most)") }
    guard let level = zapLogLevel.given else { return min(5, verbosity) }
    let levels = ["debug": 4, "info": 2, "error": 0, "panic": 0]
    if let number = levels[level.lowercased()] { return number }
    if let number = Int(level), number >= 0 { return min(5, number) }
    check.problem("--zap-log-level: '\(level)' is none of debug, info, error, panic, and no number from 0")
    return verbosity
  }

  func logStyle(_ check: inout OptionsCheck) -> ServeConfiguration.LogStyle {
    var zap: ServeConfiguration.LogStyle?
    switch zapEncoder.given {
    case nil: zap = zapDevelopment == false ? .json : nil
    case "console": zap = .text
    case "json": zap = .json
    case let other?:
      _ = check.choice({ _ in Int?.none }, ["json", "console"], other, "--zap-encoder")
    }
    guard let format = logFormat.given else { return zap ?? .text }
    let known = ServeConfiguration.LogStyle.allCases
    let style = known.first { $0.rawValue == format }
    if style == nil { _ = check.choice({ _ in Int?.none }, known.map(\.rawValue), format, "--log-format") }
    if let style, zapEncoder.given != nil, let zap, zap != style {
      check.problem("--log-format \(format) and --zap-encoder contradict each other: leave one of them out")
    }
    return style ?? .text
  }
}
