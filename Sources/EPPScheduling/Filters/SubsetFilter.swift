package import EPPCore

/// Keeps the endpoints that the gateway's subset hint names, by exact address and port; an entry that is an address
/// without a port names all endpoints of that host. Entries that name no endpoint of the pool are ignored; a hint that
/// leaves none leaves none.
package struct SubsetFilter: Filter {
  package init() {}

  package func filter(_ candidates: inout [Int], snapshot: PoolSnapshot, context: RequestContext) {
    guard case .only(let destinations) = context.subset else { return }
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
    candidates.removeAll { !wanted.contains($0) }
  }
}
