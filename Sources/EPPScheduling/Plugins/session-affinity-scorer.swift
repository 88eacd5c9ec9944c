/// `session-affinity-scorer`: 1 for the endpoint that the session is bound to, 0 for the others. Any thread may use it.
///
/// A session that begins has no endpoint, so all score 0: an opinion that does not know the load would outweigh the queues. The
/// same holds for a session whose endpoint is no candidate. It is a preference, which other scorers can outweigh; `SessionAffinityFilter`
/// is a pin.
package struct SessionAffinityScorer: Scorer, PluginStateReporting {
  /// The plugin type.
  package static let descriptor = PluginDescriptor(
    "session-affinity-scorer", "Prefers the endpoint where the session's last request went",
    parameters: SessionParameters.declarations, needs: SessionParameters.needs, check: SessionParameters.check,
    parts: [.scorer { SessionAffinityScorer($0, $1) }])

  private let affinity: any SessionAffinity

  /// A scorer for the sessions of all plugins of the environment that have equal arguments.
  package init(_ arguments: PluginArguments, _ environment: PluginEnvironment) {
    affinity = environment.sessions.services.affinity(arguments, environment)
  }

  package var observer: (any RequestObserver)? { affinity }

  package func stateReport() -> SessionTableReport { SessionTableReport(sessions: affinity.sessionCount) }

  package func score(_ context: borrowing SchedulingContext, into scores: consuming MutableSpan<Double>) {
    if let position = affinity.boundCandidate(context) { scores[position] = 1 }
  }
}
