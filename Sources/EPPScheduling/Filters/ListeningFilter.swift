import EPPCore

/// Removes endpoints that refuse connections, as long as others are left: a request to a dead engine fails, and an engine that
/// answers nothing appears idle. Part of every profile.
package struct ListeningFilter: Filter {
  /// A filter; it has no state.
  package init() {}

  package func filter(_ context: borrowing SchedulingContext, _ selection: inout CandidateSelection) {
    guard context.snapshot.hasRefusing else { return }
    let members = context.snapshot.members
    let candidates = context.candidates
    guard candidates.contains(where: { !members[$0].refusesConnections }) else { return }
    selection.keep(context) { !members[candidates[$0]].refusesConnections }
  }
}
