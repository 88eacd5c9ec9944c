/// What is wrong with a simulated engine.
package enum EngineFault: Sendable, Equatable {
  /// Nothing.
  case none
  /// Every step takes this many times as long; more than 0.
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

  /// Reads a mode by its name; nil for an unknown mode and for a factor that is not above 0.
  package init?(mode: String, factor: Double?) {
    switch mode {
    case "none": self = .none
    case "slow":
      let factor = factor ?? Self.usualSlowness
      guard factor > 0, factor.isFinite else { return nil }
      self = .slow(factor)
    case "errors": self = .errors
    case "render-errors": self = .renderErrors
    case "hang": self = .hang
    case "refuse": self = .refuse
    default: return nil
    }
  }

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
