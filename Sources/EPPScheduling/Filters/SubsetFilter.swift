import EPPCore

/// Keeps the endpoints in the gateway's subset hint, by exact address and port; an entry without a port matches all endpoints
/// of that host. Entries that match no endpoint of the pool are ignored; if none matches, no endpoint is left. Part of every
/// profile.
package struct SubsetFilter: Filter {
  /// A filter; it has no state.
  package init() {}

  package func filter(_ context: borrowing SchedulingContext, _ selection: inout CandidateSelection) {
    guard case .only(let destinations) = context.context.subset else { return }
    let snapshot = context.snapshot
    var wanted = Set<Int>()
    for destination in destinations {
      if let index = snapshot.index(ofDestination: destination) {
        wanted.insert(index)
      } else {
        for (index, member) in snapshot.members.enumerated() where member.endpoint.address.host == destination {
          wanted.insert(index)
        }
      }
    }
    let candidates = context.candidates
    selection.keep(context) { wanted.contains(candidates[$0]) }
  }
}
