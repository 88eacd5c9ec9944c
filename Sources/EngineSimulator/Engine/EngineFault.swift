/// A simulated fault of an engine.
package enum EngineFault: Sendable, Equatable {
  /// No fault.
  case none
  /// Every step takes longer by a factor, which is in `factors`.
  case slow(Double)
  /// Inference requests are answered with 500 at once. Metrics and health are unaffected.
  case errors
  /// Requests for tokens (render and tokenize) are answered with 500. Inference is unaffected.
  case renderErrors
  /// Connections are accepted, and no request is answered, including metrics. The requests are answered after the fault.
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

  /// Makes a fault of the mode's name; nil for an unknown mode, and for a factor that is not in `factors`.
  ///
  /// - Parameter factor: The factor of `slow`; nil for the default. Other modes ignore it.
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

  /// Factors of `slow` that are accepted; the upper limit keeps the time of a step below days.
  package static let factors = 0.001...1e6

  /// A description of the modes and factors that are accepted, for error messages.
  package static let accepted =
    "the modes are none, slow, errors, render-errors, hang and refuse; the factor of slow is from 0.001 to 1000000"

  /// The default factor of `slow`.
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

  /// The factor of the time of a step; 1 for every fault except `slow`.
  package var slowness: Double {
    if case .slow(let factor) = self { factor } else { 1 }
  }
}
