package import EPPCore

/// Keeps the endpoints that the gateway's subset hint names, by exact address and port. Entries that name no endpoint of
/// the pool are ignored; a hint that leaves none leaves none.
package struct SubsetFilter: Filter {
  package init() {}

  package func filter(_ candidates: inout [Int], snapshot: PoolSnapshot, context: RequestContext) {
    guard case .only(let destinations) = context.subset else { return }
    var wanted = Set<Int>()
    for destination in destinations {
      if let index = snapshot.index(ofDestination: destination) { wanted.insert(index) }
    }
    candidates.removeAll { !wanted.contains($0) }
  }
}
