package import Logging

/// How much is logged: the number that `-v` takes, 0 to 5.
package struct Verbosity: RawRepresentable, Comparable, Sendable {
  /// The number, 0...5.
  package let rawValue: Int

  /// Makes a verbosity of a number, which is clamped to 0...5.
  package init(rawValue: Int) { self.rawValue = min(5, max(0, rawValue)) }

  /// Verbosity 2, the default: messages of level `info` and above.
  package static let normal = Verbosity(rawValue: 2)
  /// Verbosity 3: also one line for each request.
  package static let verbose = Verbosity(rawValue: 3)
  /// Verbosity 4: also debug messages.
  package static let debug = Verbosity(rawValue: 4)
  /// Verbosity 5: also trace messages.
  package static let trace = Verbosity(rawValue: 5)

  package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }

  /// The least severe level that is written. swift-log has no level between `info` and `debug`, so `verbose` differs from
  /// `normal` only in the decision log.
  package var logLevel: Logger.Level {
    switch rawValue {
    case 0: .warning
    case 1: .notice
    case 2, 3: .info
    case 4: .debug
    default: .trace
    }
  }
}
