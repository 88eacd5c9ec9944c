package import EPPCore

/// Passes over the endpoints that refuse connections, while there are others: a request that is sent to a dead engine
/// fails, and an engine that answers nothing looks as if it had nothing to do.
package struct ListeningFilter: Filter {
  package init() {}

  package func filter(_ candidates: inout [Int], snapshot: PoolSnapshot, context: RequestContext) {
    guard snapshot.hasRefusing else { return }
    let members = snapshot.members
    guard candidates.contains(where: { !members[$0].refusesConnections }) else { return }
    candidates.removeAll { members[$0].refusesConnections }
  }
}
