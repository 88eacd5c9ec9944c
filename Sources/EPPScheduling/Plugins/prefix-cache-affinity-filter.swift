import EPPCore
import EPPMetrics
import EPPPrefixCache

/// `prefix-cache-affinity-filter`: keeps the endpoints that hold a large share of the prompt, unless the least loaded of them
/// would take so much longer to the first token than the least loaded of the others, or has so many more tokens in flight, that
/// computing the prompt anew is better.
///
/// The time to the first token is the number of this process's tokens in flight at an endpoint over the throughput of prefill.
/// A separately weighted prefix scorer in the same profile would take the load's decision back; llm-d advises to pair the filter
/// with one load scorer.
package struct PrefixCacheAffinityFilter: Filter {
  // MARK: Parameters

  private static let threshold = TypedParameter<Double>.number(
    "affinityThreshold", 0...1, default: 0.8, "Share of the prompt from which on an endpoint is kept")
  private static let exploration = TypedParameter<Double>.number(
    "explorationProbability", 0...1, default: 0, "Share of requests that are not narrowed")
  private static let maximumPenalty = TypedParameter<Double>.number(
    "maxTTFTPenaltyMs", 0...1_000_000_000, default: 18_000,
    "Milliseconds by which the first token may be later than elsewhere; 0 is no limit")
  private static let maximumTokenPenalty = TypedParameter<Double>.number(
    "maxTokensInFlightPenalty", 0...1_000_000_000, default: 0,
    "Tokens in flight by which a kept endpoint may exceed the least loaded other one; 0 is no limit")
  private static let throughput = TypedParameter<Double>.number(
    "peakPrefillThroughput", 0.001...1_000_000_000, default: 15_928, "Tokens that an engine computes per second")

  /// The plugin type.
  package static let descriptor = PluginDescriptor(
    "prefix-cache-affinity-filter",
    "Keeps endpoints that hold most of the prompt, unless they would answer much later than others",
    parameters: [
      threshold.declaration, exploration.declaration, maximumPenalty.declaration,
      PluginParameter(
        "ttftSource", .fixed(.text(["prefillThroughput"])), default: "prefillThroughput",
        "What the time to the first token is taken from"),
      throughput.declaration, ProducerParameters.prefixMatch.declaration,
      ProducerParameters.inFlightLoad,
      PluginParameter(
        "latencyPredictionInfoProducerName", .fixed(.unset(instead: nil)), "Not supported: part of predicted latency"),
      maximumTokenPenalty.declaration,
    ],
    needs: { _, _ in PluginNeeds(prefixMatch: true) }, parts: [.filter { PrefixCacheAffinityFilter($0, $1) }])

  private let threshold: Double
  private let exploration: Double
  /// Tokens in flight by which an endpoint that holds the prompt may exceed the others; infinite for no limit.
  private let maximumPenaltyTokens: Double
  private let view: PrefixView
  private let counters: PrefixAffinityCounters?

  private init(_ arguments: PluginArguments, _ environment: PluginEnvironment) {
    threshold = arguments[Self.threshold]
    exploration = arguments[Self.exploration]
    let limits = [
      arguments[Self.maximumPenalty] / 1000 * arguments[Self.throughput], arguments[Self.maximumTokenPenalty],
    ]
    maximumPenaltyTokens = limits.filter { $0 > 0 }.min() ?? .infinity
    view = environment.prefixView(named: arguments[ProducerParameters.prefixMatch])
    counters = environment.metrics?.prefixAffinity(pluginName: environment.pluginName)
  }

  package func filter(_ context: borrowing SchedulingContext, _ selection: inout CandidateSelection) {
    let outcome = narrow(context, &selection)
    counters?.count(outcome)
  }

  private func narrow(
    _ context: borrowing SchedulingContext, _ selection: inout CandidateSelection
  ) -> PrefixAffinityCounters.Outcome {
    guard context.candidates.count > 1, context.match.totalBlocks(context.slots[0]) > 0 else { return .notApplicable }
    if exploration > 0, context.lot < exploration { return .exploration }
    var isSticky: [Bool] = []
    isSticky.reserveCapacity(context.candidates.count)
    var least = (sticky: Int.max, other: Int.max)
    for position in context.candidates.indices {
      let sticks = view.ratio(context.match, context.slots[position]) >= threshold
      isSticky.append(sticks)
      let tokens = context.loads[position].inFlight.uncachedTokens
      if sticks { least.sticky = min(least.sticky, tokens) } else { least.other = min(least.other, tokens) }
    }
    guard least.sticky < .max else { return .noMatch }
    guard least.other < .max else { return .sticky }
    if Double(least.sticky - least.other) > maximumPenaltyTokens { return .loadOverride }
    selection.keep(context) { isSticky[$0] }
    return .sticky
  }
}
