import EPPCore

/// `utilization-filter`: keeps the endpoints whose metrics are at most the maxima of all conditions.
package struct UtilizationFilter: Filter {
  /// A metric that a condition is about.
  enum Metric: String, CaseIterable {
    /// Requests of this process in flight.
    case activeRequests = "active-requests"
    /// Requests in the engine's running batch.
    case runningRequests = "running-requests"
    /// Requests in the engine's waiting queue.
    case waitingQueue = "waiting-queue"
    /// Share of the KV cache in use, 0...1.
    case cacheUsage = "kv-cache-utilization"
  }

  // MARK: Parameters

  private static let metric = TypedParameter<String?>.text("metric", "The metric")
  private static let maximum = TypedParameter<Double?>.number(
    "maxValue", 0...1_000_000_000_000, "The greatest value with which an endpoint is kept")
  private static let conditions = TypedParameter<[PluginArguments]>.list(
    "conditions",
    [
      PluginParameter("metric", .word(Metric.allCases.map(\.rawValue)), "The metric"), maximum.declaration,
    ], "Conditions that all have to hold")
  private static let fallback = TypedParameter<Bool>.boolean(
    "fallbackOnEmpty", default: false, "Whether all endpoints are kept when the conditions hold for none")

  /// The plugin type.
  package static let descriptor = PluginDescriptor(
    "utilization-filter", "Keeps endpoints whose load is at most a maximum",
    parameters: [
      conditions.declaration, fallback.declaration,
      ProducerParameters.inFlightLoad,
    ],
    check: { check in
      for (index, condition) in check.arguments[conditions].enumerated() {
        for key in [metric.key, maximum.key] where !condition.isGiven(key) {
          check.report("a condition needs '\(key)'", at: conditions.key, "\(index)")
        }
      }
      if check.arguments[conditions].isEmpty { check.note("\(check.type) has no conditions and keeps all endpoints") }
    },
    parts: [.filter { arguments, _ in UtilizationFilter(arguments) }])

  private let conditions: [(metric: Metric, maximum: Double)]
  private let fallsBack: Bool

  private init(_ arguments: PluginArguments) {
    conditions = arguments[Self.conditions].compactMap { condition in
      guard let metric = condition[Self.metric].flatMap({ Metric(rawValue: $0) }), let maximum = condition[Self.maximum]
      else { return nil }
      return (metric, maximum)
    }
    fallsBack = arguments[Self.fallback]
  }

  package func filter(_ context: borrowing SchedulingContext, _ selection: inout CandidateSelection) {
    var holds = [Bool](repeating: true, count: context.candidates.count)
    for condition in conditions {
      for position in holds.indices where Self.value(condition.metric, context, position) > condition.maximum {
        holds[position] = false
      }
    }
    if fallsBack { selection.prefer(context) { holds[$0] } } else { selection.keep(context) { holds[$0] } }
  }

  private static func value(
    _ metric: Metric, _ context: borrowing SchedulingContext, _ position: Int
  ) -> Double {
    switch metric {
    case .activeRequests: Double(context.loads[position].inFlight.requests)
    case .runningRequests: Double(context.loads[position].runningRequests)
    case .waitingQueue: Double(context.loads[position].queueDepth)
    case .cacheUsage: context.loads[position].kvCacheUsage
    }
  }
}
