/// A simulated fault of an engine.
package enum EngineFault: Sendable, Equatable {
  /// No fault.
  case none
  /// Every step takes longer by a factor, which is in `factors`.
  case slow(Double)
  /// Inference requests are answered with a status at once, which is in `statuses`. Metrics and health are unaffected.
  case errors(status: Int = 500)
  /// Requests for tokens (render and tokenize) are answered with 500. Inference is unaffected.
  case renderErrors
  /// Connections are accepted, and no request is answered, including metrics. The requests are answered after the fault.
  case hang
  /// Streamed answers stop after their head, or where they are. The rest is sent after the fault. Other answers are unaffected.
  case hangAfterHead
  /// Answers to inference requests end in their middle: the connection is closed.
  case cut
  /// Inference requests are answered with bytes that are no HTTP, and the connection is closed.
  case garbage
  /// Blocks are sent to other engines more slowly by a factor, which is in `factors`.
  case slowTransfers(Double)
  /// No blocks are found when other engines fetch them, or when the shared storage is read.
  case loseBlocks
  /// The port is closed and open connections are reset, also on the side channel.
  case refuse

  /// Reads a mode's name, or one with a number: `slow:10`, `slow-transfers:10`, `errors:503`; nil for anything else.
  package init?(_ text: String) {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2 else {
      self.init(mode: text)
      return
    }
    switch parts[0] {
    case "slow", "slow-transfers":
      guard let factor = Double(parts[1]) else { return nil }
      self.init(mode: String(parts[0]), factor: factor)
    case "errors":
      guard let status = Int(parts[1]) else { return nil }
      self.init(mode: "errors", status: status)
    default: return nil
    }
  }

  /// Makes a fault of the mode's name; nil for an unknown mode, for a factor that is not in `factors`, and for a status that is not in
  /// `statuses`.
  ///
  /// - Parameters:
  ///   - factor: The factor of `slow` and `slow-transfers`; nil for the default. Other modes ignore it.
  ///   - status: The status of `errors`; nil for the default. Other modes ignore it.
  package init?(mode: String, factor: Double? = nil, status: Int? = nil) {
    let factor = factor ?? Self.usualSlowness
    switch mode {
    case "none": self = .none
    case "slow":
      guard Self.factors.contains(factor) else { return nil }
      self = .slow(factor)
    case "errors":
      guard Self.statuses.contains(status ?? 500) else { return nil }
      self = .errors(status: status ?? 500)
    case "render-errors": self = .renderErrors
    case "hang": self = .hang
    case "hang-after-head": self = .hangAfterHead
    case "cut": self = .cut
    case "garbage": self = .garbage
    case "slow-transfers":
      guard Self.factors.contains(factor) else { return nil }
      self = .slowTransfers(factor)
    case "lose-blocks": self = .loseBlocks
    case "refuse": self = .refuse
    default: return nil
    }
  }

  /// Factors that are accepted; the upper limit keeps the time of a step below days.
  package static let factors = 0.001...1e6

  /// Statuses of `errors` that are accepted.
  package static let statuses = 400...599

  /// A description of the modes and numbers that are accepted, for error messages.
  package static let accepted =
    "the modes are none, slow, errors, render-errors, hang, hang-after-head, cut, garbage, slow-transfers, lose-blocks and refuse; "
    + "the factor of slow and slow-transfers is from 0.001 to 1000000, the status of errors from 400 to 599"

  /// The default factor of `slow` and `slow-transfers`.
  private static let usualSlowness = 10.0

  /// The mode's name.
  package var mode: String {
    switch self {
    case .none: "none"
    case .slow: "slow"
    case .errors: "errors"
    case .renderErrors: "render-errors"
    case .hang: "hang"
    case .hangAfterHead: "hang-after-head"
    case .cut: "cut"
    case .garbage: "garbage"
    case .slowTransfers: "slow-transfers"
    case .loseBlocks: "lose-blocks"
    case .refuse: "refuse"
    }
  }

  /// The factor of the time of a step; 1 for every fault except `slow`.
  package var slowness: Double {
    if case .slow(let factor) = self { factor } else { 1 }
  }

  /// The factor of the time of a transfer; 1 for every fault except `slow-transfers`.
  package var transferSlowness: Double {
    if case .slowTransfers(let factor) = self { factor } else { 1 }
  }

  /// The status of inference requests' answers; nil for every fault except `errors`.
  package var errorStatus: Int? {
    if case .errors(let status) = self { status } else { nil }
  }

  /// Whether answers wait for the fault's end.
  var holdsAnswers: Bool { self == .hang || self == .hangAfterHead }
}
