import EPPCore
import Testing

@Suite struct PoolSnapshotTests {
  private func member(
    _ index: Int, generation: UInt32 = 0, _ metrics: EndpointMetrics = EndpointMetrics(),
    _ load: EndpointLoad = EndpointLoad(),
    isStale: Bool = false
  ) -> PoolSnapshot.Member {
    let endpoint = Endpoint(
      name: "e\(index)", address: EndpointAddress(host: "10.0.0.\(index)", port: 8000),
      slot: EndpointSlot(index: index, generation: generation))
    return PoolSnapshot.Member(endpoint: endpoint, metrics: metrics, load: load, isStale: isStale)
  }

  @Test func membersAreFoundByDestination() {
    let snapshot = PoolSnapshot(members: [member(3, generation: 2), member(1)])
    #expect(snapshot.index(ofDestination: "10.0.0.3:8000") == 0)
    #expect(snapshot.index(ofDestination: "10.0.0.1:8000") == 1)
    #expect(snapshot.index(ofDestination: "10.0.0.1") == nil)
    #expect(snapshot.index(ofDestination: "10.0.0.1:8001") == nil)
    #expect(PoolSnapshot.empty.members.isEmpty)
  }

  @Test func twoMembersWithOneAddressDoNotTrap() {
    let snapshot = PoolSnapshot(members: [member(1), member(1)])
    #expect(snapshot.index(ofDestination: "10.0.0.1:8000") == 0)
  }

  @Test func destinationsOfIPv6HaveBrackets() {
    let endpoint = Endpoint(
      name: "v6", address: EndpointAddress(host: "::1", port: 80), slot: EndpointSlot(index: 0, generation: 0))
    let snapshot = PoolSnapshot(members: [
      PoolSnapshot.Member(endpoint: endpoint, metrics: EndpointMetrics(), load: EndpointLoad(), isStale: false)
    ])
    #expect(snapshot.members[0].destination == "[::1]:80")
    #expect(snapshot.index(ofDestination: "[::1]:80") == 0)
    #expect(endpoint.metricsAddress == endpoint.address)
    #expect(endpoint.namespace == "default")
  }

  @Test func theLookUpTableFollowsTheMembers() {
    let first = PoolSnapshot(members: [member(0, EndpointMetrics()), member(1, EndpointMetrics())])
    let same = PoolSnapshot(members: first.members, replacing: first)
    #expect(same.index(ofDestination: first.members[1].destination) == 1)
    let turned = PoolSnapshot(members: first.members.reversed(), replacing: same)
    #expect(turned.index(ofDestination: first.members[1].destination) == 0)
    #expect(turned.index(ofDestination: first.members[0].destination) == 1)
    let one = PoolSnapshot(members: [first.members[1]], replacing: first)
    #expect(one.index(ofDestination: first.members[0].destination) == nil)
    #expect(one.index(ofDestination: first.members[1].destination) == 0)
  }

  @Test func capacityIsBlocksTimesTokens() {
    var metrics = EndpointMetrics()
    #expect(metrics.cacheCapacityTokens == nil)
    metrics.cacheBlocks = 10
    #expect(metrics.cacheCapacityTokens == nil)
    metrics.cacheBlockTokens = 16
    #expect(metrics.cacheCapacityTokens == 160)
    metrics.cacheBlocks = Int.max
    #expect(metrics.cacheCapacityTokens == nil)
  }
}
