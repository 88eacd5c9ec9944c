import EPPCore

/// `prefix-based-pd-decider`: a request has its prompt computed by an endpoint of its own when it is long enough, and when the
/// endpoint that decodes does not hold enough of it.
///
/// With n tokens of prompt: n ≥ promptTokens, n ≥ nonCachedTokens, and n - (tokens held by the decoding endpoint) ≥ nonCachedTokens.
/// nonCachedTokens 0 turns it off.
struct PrefixBasedDecider: StageDecider {
  private static let uncachedTokens = TypedParameter<Int>.integer(
    "nonCachedTokens", 0...1_000_000_000, default: 0,
    "Tokens that the decoding endpoint would have to compute, from which on another computes the prompt; 0 is never")
  private static let promptTokens = TypedParameter<Int>.integer(
    "promptTokens", 0...1_000_000_000, default: 0, "Tokens that a prompt has to have at least")

  static let descriptor = PluginDescriptor(
    "prefix-based-pd-decider", "Gives a request a prefill endpoint where the decoding one would have much to compute",
    parameters: [uncachedTokens.declaration, promptTokens.declaration, ProducerParameters.prefixMatch.declaration],
    needs: { _, _ in PluginNeeds(prefixMatch: true) },
    check: { check in
      if check.arguments[uncachedTokens] == 0 {
        check.note("\(check.type) never asks for a prefill endpoint: 'nonCachedTokens' is 0")
      }
    },
    parts: [.decider { PrefixBasedDecider($0, $1) }])

  private let uncachedTokens: Int
  private let promptTokens: Int
  private let view: PrefixView

  private init(_ arguments: PluginArguments, _ environment: PluginEnvironment) {
    uncachedTokens = arguments[Self.uncachedTokens]
    promptTokens = arguments[Self.promptTokens]
    view = environment.prefixView(named: arguments[ProducerParameters.prefixMatch])
  }

  func isWanted(_ context: borrowing SchedulingContext, decode: EndpointSlot?) -> Bool {
    let count = context.request.promptTokens
    guard uncachedTokens > 0, count >= promptTokens, count >= uncachedTokens else { return false }
    let held = decode.map { view.matchedTokens(context.match, $0) } ?? 0
    return count - held >= uncachedTokens
  }
}
