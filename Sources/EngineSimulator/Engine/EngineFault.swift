/// What is wrong with a simulated engine.
package enum EngineFault: Sendable, Equatable {
  /// Nothing.
  case none
  /// Every step takes this many times as long, a factor of `factors`.
  case slow(Double)
  /// Inference requests are answered with 500 at once, while metrics and health look well.
  case errors
  /// Requests for tokens (render and tokenize) are answered with 500; inference goes well.
  case renderErrors
  /// Connections are accepted and nothing is answered, metrics included; what was asked is answered after the fault.
  case hang
  /// The port is closed and open connections are reset.
  case refuse

  /// Reads `none`, `slow`, `slow:10`, `errors`, `render-errors`, `hang` or `refuse`; nil for anything else.
  package init?(_ text: String) {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    if parts.count == 2 {
      guard parts[0] == "slow", let factor = Double(parts[1]) else { return nil }
      self.init(mode: "slow", factor: factor)
    } else {
      self.init(mode: text, factor: nil)
    }
  }

  /// Reads a mode by its name; nil for an unknown mode and for a factor that is not one of `factors`.
  package init?(mode: String, factor: Double?) {
    switch mode {
    case "none": self = .none
    case "slow":
      let factor = factor ?? Self.usualSlowness
      guard Self.factors.contains(factor) else { return nil }
      self = .slow(factor)
    case "errors": self = .errors
    case "render-errors": self = .renderErrors
    case "hang": self = .hang
    case "refuse": self = .refuse
    default: return nil
    }
  }

  /// How slow `slow` may be: a step still ends within days, and its time in nanoseconds is a number.
  package static let factors = 0.001...1e6

  /// What `init(_:)` and `init(mode:factor:)` take, as errors tell it.
  package static let accepted =
    "the modes are none, slow, errors, render-errors, hang and refuse; the factor of slow is from 0.001 to 1000000"

  /// How slow `slow` is when nobody says.
  private static let usualSlowness = 10.0

  /// The mode's name.
  package var mode: String {
    switch self {
    case .none: "none"
    case .slow: "slow"
    case .errors: "errors"
    case .renderErrors: "render-errors"
    case .hang: "hang"
    case .refuse: "refuse"
    }
  }

  /// How many times as long a step takes; 1 for every fault but `slow`.
  package var slowness: Double {
    if case .slow(let factor) = self { factor } else { 1 }
  }
}
