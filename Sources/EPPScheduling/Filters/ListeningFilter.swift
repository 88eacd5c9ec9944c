import EPPCore

/// Passes over the endpoints that refuse connections, while there are others: a request that is sent to a dead engine
/// fails, and an engine that answers nothing looks as if it had nothing to do. Part of every profile.
package struct ListeningFilter: Filter {
  package init() {}

  package var phase: FilterPhase { .eligibility }

  package func filter(_ context: borrowing SchedulingContext, _ selection: inout CandidateSelection) {
    guard context.snapshot.hasRefusing else { return }
    let members = context.snapshot.members
    let candidates = context.candidates
    guard candidates.contains(where: { !members[$0].refusesConnections }) else { return }
    selection.keep(context) { !members[candidates[$0]].refusesConnections }
  }
}
