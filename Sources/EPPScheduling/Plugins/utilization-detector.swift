import EPPCore

/// `utilization-detector`: the saturation of an endpoint is max(queue / threshold, KV cache usage / threshold), that of a pool
/// the mean over its endpoints. As a filter it removes saturated endpoints while others are not saturated.
///
/// Queue and usage include requests of this process that no scrape shows yet. An endpoint with stale metrics has the mean load of
/// the others, so it is never saturated for being unknown.
package struct UtilizationDetector: SaturationDetector, Filter {
  // MARK: Parameters

  private static let queueDepthThreshold = TypedParameter<Int>.integer(
    "queueDepthThreshold", 1...1_000_000_000, default: 5, "Waiting requests from which on an endpoint is saturated")
  private static let usageThreshold = TypedParameter<Double>.number(
    "kvCacheUtilThreshold", 0.000_001...1, default: 0.8, "Cache usage from which on an endpoint is saturated, up to 1")
  private static let headroom = TypedParameter<Double>.number(
    "headroom", 0...1_000_000, default: 0, "Share above the thresholds up to which the filter keeps an endpoint")

  /// The plugin type.
  package static let descriptor = PluginDescriptor(
    "utilization-detector",
    "Measures saturation by queues and cache usage; as a filter removes saturated endpoints while others are not",
    parameters: [
      queueDepthThreshold.declaration, usageThreshold.declaration, headroom.declaration,
      PluginParameter(
        "metricsStalenessThreshold",
        .ignored(
          because: "--metrics-staleness-threshold says when metrics are stale, and a stale endpoint is not saturated"),
        "Has no effect: see --metrics-staleness-threshold"),
      PluginParameter(
        "stalenessPolicy", .ignored(because: "an endpoint with stale metrics has the mean load of the others"),
        "Has no effect: an endpoint with stale metrics has the mean load of the others"),
      ProducerParameters.inFlightLoad,
    ], isInjected: true,
    parts: [
      .detector { arguments, _ in UtilizationDetector(arguments) },
      .filter { arguments, _ in UtilizationDetector(arguments) },
    ])

  private let queueThreshold: Double
  private let usageThreshold: Double
  private let headroom: Double

  /// A detector with these arguments.
  package init(_ arguments: PluginArguments) {
    queueThreshold = Double(arguments[Self.queueDepthThreshold])
    usageThreshold = arguments[Self.usageThreshold]
    headroom = arguments[Self.headroom]
  }

  package func saturation(of endpoints: borrowing [EndpointUse], stage: ServingStage?) -> Double {
    mean(endpoints) { max(Double($0.load.queueDepth) / queueThreshold, $0.load.kvCacheUsage / usageThreshold) }
  }

  package func filter(_ context: borrowing SchedulingContext, _ selection: inout CandidateSelection) {
    let queueLimit = queueThreshold * (1 + headroom)
    let usageLimit = min(1, usageThreshold * (1 + headroom))
    let loads = context.loads
    // Mostly none is saturated, and nothing has to be copied.
    guard loads.contains(where: { !Self.isBelow($0, queueLimit, usageLimit) }) else { return }
    selection.prefer(context) { Self.isBelow(loads[$0], queueLimit, usageLimit) }
  }

  private static func isBelow(
    _ load: CandidateLoad, _ queueLimit: Double, _ usageLimit: Double
  ) -> Bool {
    Double(load.queueDepth) < queueLimit && load.kvCacheUsage < usageLimit
  }
}
