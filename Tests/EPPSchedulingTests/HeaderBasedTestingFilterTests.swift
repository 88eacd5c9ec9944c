import EPPCore
import EPPScheduling
import EPPTestKit
import Testing

@Suite struct HeaderBasedTestingFilterTests {
  private let profile = Scheduler(
    ProfileConfiguration(
      filters: [ConfiguredPlugin(HeaderBasedTestingFilter.descriptor)], scorers: [.init(.queue, weight: 1)]),
    seed: Scheduling.seed)

  /// Two pods with two ports each, and one with an IPv6 address.
  private func kept(_ header: String?) -> [String] {
    let addresses = [("10.0.0.1", 3000), ("10.0.0.1", 3002), ("10.0.0.2", 3000), ("10.0.0.2", 3002), ("fd00::1", 3000)]
    let members = addresses.enumerated().map { index, address in
      PoolSnapshot.Member(
        endpoint: Endpoint(
          name: "e\(index)", address: EndpointAddress(host: address.0, port: UInt16(address.1)),
          slot: EndpointSlot(index: index, generation: 1)),
        metrics: EndpointMetrics(), load: EndpointLoad(), isStale: false)
    }
    let scheduling = Scheduling(PoolSnapshot(members: members))
    let fields = header.map { [RequestHeaders.Field(name: "test-epp-endpoint-selection", value: $0)] } ?? []
    scheduling.context = RequestContext(requestID: "r", headers: RequestHeaders(fields))
    return scheduling.left(profile)
  }

  @Test(
    arguments: [
      (nil, []), ("", []), (" , ", []), ("10.0.0.9", []), ("10.0.0.1:9", []), ("10.0.0.1", ["e0", "e1"]),
      ("10.0.0.1:3002", ["e1"]), ("10.0.0.2:3000, 10.0.0.1", ["e0", "e1", "e2"]), ("fd00::1", ["e4"]),
      ("[fd00::1]", ["e4"]), ("[fd00::1]:3000,10.0.0.2:3002", ["e3", "e4"]), ("[fd00:0:0::1]", ["e4"]),
      ("10.0.0.1,10.0.0.1:3000", ["e0", "e1"]), ("localhost", []),
    ] as [(String?, [String])])
  func theHeaderNamesTheCandidates(header: String?, names: [String]) {
    #expect(kept(header) == names)
  }
}
