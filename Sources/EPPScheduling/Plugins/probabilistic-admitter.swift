import EPPCore
import Glibc

/// `probabilistic-admitter`: refuses requests of negative priority with the probability min(1, k · saturation^power), where the
/// saturation is the mean over the endpoints of max(queue / threshold, KV cache usage / threshold).
struct ProbabilisticAdmitter: AdmissionPlugin {
  private static let queueDepthThreshold = TypedParameter<Double>.number(
    "queueDepthThreshold", 0.001...1_000_000_000, default: 5, "Waiting requests of a saturated endpoint")
  private static let usageThreshold = TypedParameter<Double>.number(
    "kvCacheUtilThreshold", 0.000_001...1, default: 0.8, "Cache usage of a saturated endpoint, up to 1")
  private static let power = TypedParameter<Double>.number(
    "power", 0...1000, default: 5, "The exponent of the saturation")
  private static let factor = TypedParameter<Double>.number("k", 0...1_000_000_000, default: 300, "The factor")

  static let descriptor = PluginDescriptor(
    "probabilistic-admitter", "Refuses requests of negative priority the more often, the more saturated the pool is",
    parameters: [
      queueDepthThreshold.declaration, usageThreshold.declaration, power.declaration, factor.declaration,
    ], parts: [.admission { ProbabilisticAdmitter($0) }])

  private let queueDepthThreshold: Double
  private let usageThreshold: Double
  private let power: Double
  private let factor: Double

  private init(_ arguments: PluginArguments) {
    queueDepthThreshold = arguments[Self.queueDepthThreshold]
    usageThreshold = arguments[Self.usageThreshold]
    power = arguments[Self.power]
    factor = arguments[Self.factor]
  }

  func rejection(
    priority: Int, endpoints: borrowing [EndpointUse], using random: inout PickRandom
  ) -> Rejection? {
    guard priority < 0, !endpoints.isEmpty else { return nil }
    var sum = 0.0
    for index in endpoints.indices {
      let load = endpoints[index].load
      sum += max(Double(load.queueDepth) / queueDepthThreshold, load.kvCacheUsage / usageThreshold)
    }
    let probability = min(1, pow(sum / Double(endpoints.count), power) * factor)
    guard random.nextUnit() < probability else { return nil }
    return Rejection(
      .tooManyRequests, "the pool is busy, and some requests of priority \(priority) are refused", reason: .saturated)
  }
}
