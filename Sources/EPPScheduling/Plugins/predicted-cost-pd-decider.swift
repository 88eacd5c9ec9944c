import EPPCore

/// `predicted-cost-pd-decider`: a request has its prompt computed by an endpoint of its own when that is expected to cost less time.
///
/// With r the tokens that an engine computes in a second, d the decoding endpoint, p a prefill endpoint, u(e) the tokens of the prompt
/// that e does not hold, q(e) tokens of other prompts that are on their way to e or being computed, and b(d) the requests that d runs:
///
///     here      = (q(d) + u(d)) / r + stallWeight · b(d) · u(d) / r
///     elsewhere = min over p of (q(p) + u(p)) / r + transferOverheadMs / 1000 + u(d) / transferTokensPerSecond
///
/// The middle term is what the running answers of d lose while it computes the prompt. An idle decoding endpoint so computes prompts
/// itself, and a long queue before the prefill endpoints sends prompts to it too.
struct PredictedCostDecider: StageDecider {
  private static let speed = TypedParameter<Double>.number(
    "prefillTokensPerSecond", 1...1e9, default: 8000, "Tokens of prompts that an engine computes in a second")
  private static let transferSpeed = TypedParameter<Double>.number(
    "transferTokensPerSecond", 1...1e12, default: 100_000,
    "Tokens whose KV cache passes from engine to engine in a second")
  private static let overhead = TypedParameter<Double>.number(
    "transferOverheadMs", 0...1e6, default: 20,
    "Milliseconds that a second request and the beginning of a transfer take")
  private static let stallWeight = TypedParameter<Double>.number(
    "stallWeight", 0...1000, default: 0.1, "What a second counts by which a running answer is held up")
  private static let promptTokens = TypedParameter<Int>.integer(
    "promptTokens", 0...1_000_000_000, default: 0, "Tokens that a prompt has to have at least")

  static let descriptor = PluginDescriptor(
    "predicted-cost-pd-decider", "Gives a request a prefill endpoint where that is expected to take less time",
    parameters: [
      speed.declaration, transferSpeed.declaration, overhead.declaration, stallWeight.declaration,
      promptTokens.declaration, ProducerParameters.prefixMatch.declaration,
    ],
    needs: { _, _ in PluginNeeds(prefixMatch: true) },
    parts: [.decider { PredictedCostDecider($0, $1) }])

  private let speed: Double
  private let transferSpeed: Double
  private let overhead: Double
  private let stallWeight: Double
  private let promptTokens: Int
  private let view: PrefixView

  private init(_ arguments: PluginArguments, _ environment: PluginEnvironment) {
    speed = arguments[Self.speed]
    transferSpeed = arguments[Self.transferSpeed]
    overhead = arguments[Self.overhead] / 1000
    stallWeight = arguments[Self.stallWeight]
    promptTokens = arguments[Self.promptTokens]
    view = environment.prefixView(named: arguments[ProducerParameters.prefixMatch])
  }

  func isWanted(_ context: borrowing SchedulingContext, decode: EndpointSlot?) -> Bool {
    let count = context.request.promptTokens
    guard let decode, count > 0, count >= promptTokens else { return false }
    let all = context.snapshot.members
    let members = all.span
    let readings = context.snapshot.loads
    let loads = readings.span
    var here: Double?
    var elsewhere = Double.infinity
    var missing = 0.0
    for index in members.indices {
      let slot = members[index].endpoint.slot
      let serves = EndpointRole(of: members[index].endpoint).stages.contains(.prefill)
      guard slot == decode || serves else { continue }
      let load = MemberLoad.reading(of: index, in: loads)
      let held = context.request.readsNoCache ? 0 : view.matchedTokens(context.match, slot)
      let uncached = Double(max(0, count - held))
      let queued = (Double(load.inFlight.uncachedTokens) + uncached) / speed
      if slot == decode {
        missing = uncached
        here = queued + stallWeight * Double(load.runningRequests) * uncached / speed
      } else {
        elsewhere = min(elsewhere, queued)
      }
    }
    guard let here else { return false }
    return elsewhere + overhead + missing / transferSpeed < here
  }
}
