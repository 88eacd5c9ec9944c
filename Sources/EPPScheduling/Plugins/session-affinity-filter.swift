/// `session-affinity-filter`: keeps only the endpoint that the session is bound to. Any thread may use it.
///
/// A session without a live entry, or whose endpoint is no candidate, is placed by rendezvous hashing over the candidates, so that
/// replicas and a restarted picker agree. A request without a session, or whose token names no candidate, keeps all candidates: the
/// filter never removes the last one. It comes after the filters that say where the request may go at all.
package struct SessionAffinityFilter: Filter, PluginStateReporting {
  /// The plugin type.
  package static let descriptor = PluginDescriptor(
    "session-affinity-filter", "Keeps only the session's endpoint",
    parameters: SessionParameters.declarations, needs: SessionParameters.needs, check: SessionParameters.check,
    parts: [.filter { SessionAffinityFilter($0, $1) }])

  private let affinity: any SessionAffinity

  /// A filter for the sessions of all plugins of the environment that have equal arguments.
  package init(_ arguments: PluginArguments, _ environment: PluginEnvironment) {
    affinity = environment.sessions.services.affinity(arguments, environment)
  }

  package var observer: (any RequestObserver)? { affinity }

  package func stateReport() -> SessionTableReport { SessionTableReport(sessions: affinity.sessionCount) }

  package func filter(_ context: borrowing SchedulingContext, _ selection: inout CandidateSelection) {
    guard let position = affinity.pinnedCandidate(context) else { return }
    selection.keep(context) { $0 == position }
  }
}
