/// Which metrics are read from the pages of which endpoints.
///
/// Every kind of `EngineMetricSpecs.builtIn` is recognised by its metrics' names, whatever the labels of an endpoint say. A kind
/// in `engines` replaces the built-in one of its name, for the endpoints that have its name as a label and, where it is the
/// default, for those without a known one.
package struct EngineMetricSettings: Sendable, Equatable {
  /// The label with the kind of an endpoint's engine.
  package static let standardLabelKey = "llm-d.ai/engine-type"
  /// The label of older releases, which counts where an endpoint has not the other one.
  private static let olderLabelKey = "inference.networking.k8s.io/engine-type"

  /// The label with the kind of an endpoint's engine.
  package var labelKey = standardLabelKey
  /// The kind of endpoints whose labels name no known one.
  package var defaultEngine = EngineMetricSpecs.defaultName
  /// Kinds that are not built in, or that replace a built-in kind.
  package var engines: [EngineMetricSpecs] = []

  /// The built-in kinds alone.
  package init() {}

  /// Returns the kind of `engines` that an endpoint with these labels has; nil where the built-in kinds are recognised.
  package func engine(of labels: [String: String]) -> EngineMetricSpecs? {
    let named = [labelKey, Self.olderLabelKey].lazy.compactMap { labels[$0] }.first { !$0.isEmpty }
    let name = named.flatMap { isKnown($0) ? $0 : nil } ?? defaultEngine
    return engines.first { $0.name == name }
  }

  /// Whether a kind of this name is built in or configured.
  package func isKnown(_ name: String) -> Bool {
    engines.contains { $0.name == name } || EngineMetricSpecs.builtIn.contains { $0.name == name }
  }
}
