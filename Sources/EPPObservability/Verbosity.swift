package import Logging

/// How much is logged, by the numbers that `-v` takes.
package struct Verbosity: RawRepresentable, Comparable, Sendable {
  package let rawValue: Int

  /// Numbers below 0 count as 0, numbers above 5 as 5.
  package init(rawValue: Int) { self.rawValue = min(5, max(0, rawValue)) }

  /// 2: what an operator wants to know.
  package static let normal = Verbosity(rawValue: 2)
  /// 3: one line for each request as well.
  package static let verbose = Verbosity(rawValue: 3)
  /// 4: what happens in between as well.
  package static let debug = Verbosity(rawValue: 4)
  /// 5: everything.
  package static let trace = Verbosity(rawValue: 5)

  package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }

  /// The least severe level that is written. Swift's levels have none between `info` and `debug`, so that `verbose`
  /// differs from `normal` in the decision log only.
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
