import EPPCore

/// `context-length-aware`: prefers endpoints whose label gives a range of prompt lengths that fits the request, the narrower the
/// better.
///
/// For n tokens and a range from min to max of width w: in the range 0.3 + 0.7 · (0.7 / (1 + w / 10,000) + 0.3 · (max - n) / w),
/// 1 for w = 0; outside 0.3 / (1 + distance / 1,000). 0.5 without the label, 0 for one that is no range. As a filter
/// (`enableFiltering`) it keeps the endpoints whose range contains n and those without the label, unless there is none.
package struct ContextLengthAware: Scorer, Filter {
  /// What the label says.
  enum Range: Sendable, Equatable {
    case none
    case invalid
    case tokens(ClosedRange<Int>)

    init(_ label: String?) {
      guard let label else {
        self = .none
        return
      }
      let parts = label.split(separator: "-", omittingEmptySubsequences: false).map { Int($0.trimmed) }
      if parts.count == 2, let low = parts[0], let high = parts[1], 0 <= low, low <= high {
        self = .tokens(low...high)
      } else {
        self = .invalid
      }
    }
  }

  private static let label = TypedParameter<String>.text(
    "label", default: "llm-d.ai/context-length-range", "The label with the range, such as 0-8192")
  private static let enableFiltering = TypedParameter<Bool>.boolean(
    "enableFiltering", default: false, "Whether endpoints whose range does not fit are removed")

  /// The plugin type.
  package static let descriptor = PluginDescriptor(
    "context-length-aware", "Prefers endpoints that are labelled for prompts of the request's length",
    parameters: [label.declaration, enableFiltering.declaration],
    parts: [
      .scorer { arguments, _ in ContextLengthAware(arguments) },
      .filter { arguments, _ in ContextLengthAware(arguments) },
    ])

  private let ranges: MemberCache<Range>
  private let filters: Bool

  package var observer: (any RequestObserver)? { nil }

  private init(_ arguments: PluginArguments) {
    let label = arguments[Self.label]
    ranges = MemberCache { Range($0.labels[label]) }
    filters = arguments[Self.enableFiltering]
  }

  package func score(_ context: borrowing SchedulingContext, into scores: consuming MutableSpan<Double>) {
    let ranges = ranges.values(of: context.snapshot)
    let tokens = context.request.promptTokens
    for position in scores.indices {
      scores[position] = Self.score(tokens, ranges[context.candidates[position]])
    }
  }

  private static func score(_ tokens: Int, _ range: Range) -> Double {
    switch range {
    case .none: return 0.5
    case .invalid: return 0
    case .tokens(let range):
      guard range.contains(tokens) else {
        let distance = tokens < range.lowerBound ? range.lowerBound - tokens : tokens - range.upperBound
        return 0.3 / (1 + Double(distance) / 1000)
      }
      let width = Double(range.upperBound - range.lowerBound)
      if width == 0 { return 1 }
      return 0.3 + 0.7 * (0.7 / (1 + width / 10_000) + 0.3 * Double(range.upperBound - tokens) / width)
    }
  }

  package func filter(_ context: borrowing SchedulingContext, _ selection: inout CandidateSelection) {
    guard filters else { return }
    let ranges = ranges.values(of: context.snapshot)
    let tokens = context.request.promptTokens
    let candidates = context.candidates
    selection.prefer(context) { position in
      switch ranges[candidates[position]] {
      case .none: true
      case .invalid: false
      case .tokens(let range): range.contains(tokens)
      }
    }
  }
}
