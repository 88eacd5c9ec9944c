import EPPCore

/// `topology-affinity-filter`: keeps the endpoints that are at least as near to the endpoint that was picked to decode as
/// `minAffinity`; all of them where none is, and where nothing was picked to decode before.
package struct TopologyAffinityFilter: Filter {
  private static let minimum = TypedParameter<TopologyLevel>.word(
    "minAffinity", default: .host, "What an endpoint has to share with the one that decodes")

  /// The plugin type.
  package static let descriptor = PluginDescriptor(
    "topology-affinity-filter", "Keeps endpoints near the one that decodes, while there are any",
    parameters: [
      minimum.declaration,
      PluginParameter("topologyProducerName", .ignored(because: nil), "Has no effect: there is one topology"),
    ], parts: [.filter { arguments, _ in TopologyAffinityFilter(minimum: arguments[minimum]) }])

  private let minimum: TopologyLevel
  private let nearness = TopologyNearness()

  private init(minimum: TopologyLevel) { self.minimum = minimum }

  package func filter(_ context: borrowing SchedulingContext, _ selection: inout CandidateSelection) {
    guard let levels = nearness.levels(context) else { return }
    let candidates = context.candidates
    selection.prefer(context) { levels[candidates[$0]]?.isAtLeast(minimum) ?? false }
  }
}
