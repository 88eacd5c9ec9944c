import EPPCore

/// `concurrency-detector`: the saturation of an endpoint is the number of requests of this process in flight over
/// `maxConcurrency`, or their tokens over `maxTokenConcurrency`, or the greater of both (`hybrid`); that of a pool is the mean over
/// its endpoints. As a filter it removes saturated endpoints while others are not saturated.
package struct ConcurrencyDetector: SaturationDetector, Filter {
  /// What is counted.
  enum Mode: String, CaseIterable {
    case requests
    case tokens
    case hybrid
  }

  // MARK: Parameters

  private static let mode = TypedParameter<Mode>.word(
    "concurrencyMode", default: .requests, "What is counted: requests, tokens, or hybrid, the greater ratio of both")
  private static let maximumRequests = TypedParameter<Int>.integer(
    "maxConcurrency", 1...1_000_000_000, default: 100, "Requests in flight from which on an endpoint is saturated")
  private static let maximumTokens = TypedParameter<Int>.integer(
    "maxTokenConcurrency", 1...1_000_000_000_000, default: 1_000_000,
    "Tokens in flight from which on an endpoint is saturated")
  private static let headroom = TypedParameter<Double>.number(
    "headroom", 0...1_000_000, default: 0, "Share above the limits up to which the filter keeps an endpoint")

  /// The plugin type.
  package static let descriptor = PluginDescriptor(
    "concurrency-detector",
    "Measures saturation by what is in flight; as a filter removes saturated endpoints while others are not",
    parameters: [
      mode.declaration, maximumRequests.declaration, maximumTokens.declaration, headroom.declaration,
      ProducerParameters.inFlightLoad,
    ],
    parts: [
      .detector { arguments, _ in ConcurrencyDetector(arguments) },
      .filter { arguments, _ in ConcurrencyDetector(arguments) },
    ])

  private let mode: Mode
  private let maximumRequests: Double
  private let maximumTokens: Double
  private let headroom: Double

  /// A detector with these arguments.
  package init(_ arguments: PluginArguments) {
    mode = arguments[Self.mode]
    maximumRequests = Double(arguments[Self.maximumRequests])
    maximumTokens = Double(arguments[Self.maximumTokens])
    headroom = arguments[Self.headroom]
  }

  package func saturation(of endpoints: borrowing [EndpointUse], stage: ServingStage?) -> Double {
    mean(endpoints) { ratio($0.inFlight) }
  }

  package func filter(_ context: borrowing SchedulingContext, _ selection: inout CandidateSelection) {
    let limit = 1 + headroom
    var isBelow: [Bool] = []
    isBelow.reserveCapacity(context.candidates.count)
    for position in context.loads.indices { isBelow.append(ratio(context.loads[position].inFlight) < limit) }
    selection.prefer(context) { isBelow[$0] }
  }

  private func ratio(_ flight: EndpointLoad.InFlight) -> Double {
    let requests = Double(flight.requests) / maximumRequests
    let tokens = Double(flight.uncachedTokens) / maximumTokens
    return switch mode {
    case .requests: requests
    case .tokens: tokens
    case .hybrid: max(requests, tokens)
    }
  }
}
