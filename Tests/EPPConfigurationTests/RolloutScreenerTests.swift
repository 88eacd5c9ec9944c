import EPPConfiguration
import EPPCore
import EPPPrefixCache
import EPPScheduling
import EPPTestKit
import Testing

/// `disaggregatedset-rollout-screener`, as files of llm-d's guides configure it.
@Suite struct RolloutScreenerTests {
  private static let name = "disaggregatedset.x-k8s.io/name"
  private static let revision = "disaggregatedset.x-k8s.io/revision"
  private static let role = "disaggregatedset.x-k8s.io/role"

  private func file(_ gating: String, _ more: String = "") -> String {
    TestText.head + """
      plugins:
      - type: disaggregatedset-rollout-screener
        name: rollout
        parameters:
          scope: {labelSelector: "\(Self.name)=chat"}
          revisionGating: {\(gating)}
          \(more)
      - type: queue-scorer
      """
  }

  private func scheduler(_ text: String) throws -> Scheduler {
    Scheduler(
      try PickerConfigurationReader.read(text, file: "epp.yaml").scheduler,
      PluginEnvironment(seed: HashSeed(first: 1, second: 2)))
  }

  /// Endpoints of revisions, each with its role, and ranks of a pod.
  private func pool(_ pods: [(revision: String?, role: String, count: Int)], ranks: Int = 1, set: String = "chat")
    -> PoolSnapshot
  {
    var members: [PoolSnapshot.Member] = []
    for (revision, role, count) in pods {
      for number in 0..<count {
        for rank in 0..<(role == "decode" ? ranks : 1) {
          var labels = [Self.name: set, Self.role: role]
          labels[Self.revision] = revision
          let slot = EndpointSlot(index: members.count, generation: 1)
          let address = EndpointAddress(host: "10.0.0.\(members.count)", port: 8000)
          let endpoint = Endpoint(
            name: "\(revision ?? "none")-\(role)-\(number)-rank-\(rank)", address: address, labels: labels, rank: rank,
            slot: slot)
          members.append(
            PoolSnapshot.Member(
              endpoint: endpoint, metrics: EndpointMetrics(), load: EndpointLoad(), isStale: false))
        }
      }
    }
    return PoolSnapshot(members: members)
  }

  /// The revisions of the candidates of each of some requests.
  private func drawn(_ scheduler: Scheduler, _ pool: PoolSnapshot, _ count: Int, header: (String, String)? = nil)
    -> [Set<String>]
  {
    var scratch = SchedulingScratch(seed: 7)
    let fields = header.map { [RequestHeaders.Field(name: $0.0, value: $0.1)] } ?? []
    let context = RequestContext(requestID: "r", headers: RequestHeaders(fields))
    return (0..<count).map { _ in
      scheduler.selectCandidates(
        pool, InferenceRequest(api: .completions), context, now: MonotonicTime(nanoseconds: 0), &scratch)
      return Set(
        scratch.context.candidates.map { pool.members[$0].endpoint.labels[Self.revision] ?? "none" })
    }
  }

  /// The share of requests that a revision gets, where each gets one revision.
  private func share(of revision: String, _ gating: String, _ pool: PoolSnapshot) throws -> Double {
    let drawn = try drawn(scheduler(file(gating)), pool, 4000)
    #expect(drawn.allSatisfy { $0.count == 1 })
    return Double(drawn.count { $0 == [revision] }) / 4000
  }

  @Test(
    arguments: [
      // The example of a stable shape of 2 prefill and 10 decode pods: 9 of 10 decode pods, and 11 of 13 pods.
      ("mode: max-role, requiredRoles: [prefill, decode]", 0.9),
      ("mode: sum, requireRoles: {values: [prefill, decode]}", 11.0 / 13),
    ])
  func aRevisionIsDrawnByItsPods(gating: String, expected: Double) throws {
    let pods = [("a", "prefill", 2), ("a", "decode", 9), ("b", "prefill", 1), ("b", "decode", 1)]
    // Ranks of a pod count once.
    for ranks in [1, 4] {
      #expect(abs(try share(of: "a", gating, pool(pods, ranks: ranks)) - expected) < 0.02)
    }
  }

  @Test func theFirstOfEqualRolesCounts() throws {
    let pods = [("a", "prefill", 3), ("a", "decode", 1), ("b", "prefill", 1), ("b", "decode", 3)]
    let shareOfA = { (roles: String) throws -> Double in
      try share(of: "a", "mode: max-role, requiredRoles: [\(roles)]", pool(pods))
    }
    #expect(abs(try shareOfA("prefill, decode") - 0.75) < 0.03)
    #expect(abs(try shareOfA("decode, prefill") - 0.25) < 0.03)
  }

  @Test func aRevisionWithoutARoleGetsNothing() throws {
    let gating = "mode: max-role, requiredRoles: [prefill, decode]"
    let rollout = [("a", "prefill", 1), ("a", "decode", 1), ("b", "decode", 8), (nil, "decode", 3)]
    #expect(try share(of: "a", gating, pool(rollout)) == 1)
    #expect(try drawn(scheduler(file(gating)), pool([("b", "decode", 8)]), 1) == [[]])
    // Pods of other sets are no candidates.
    #expect(try drawn(scheduler(file(gating)), pool(rollout, set: "other"), 1) == [[]])
  }

  @Test func aHeaderNamesTheRevision() throws {
    let gating = "mode: max-role, requiredRoles: [prefill, decode], revisionHeaderName: X-Revision"
    let pods = pool([
      ("a", "prefill", 9), ("a", "decode", 9), ("b", "prefill", 1), ("b", "decode", 1), ("c", "decode", 1),
    ])
    let scheduler = try scheduler(file(gating))
    #expect(scheduler.headerNames == ["x-revision"])
    #expect(drawn(scheduler, pods, 20, header: ("x-revision", "b")).allSatisfy { $0 == ["b"] })
    // Not complete, and not there.
    for revision in ["c", "d"] { #expect(drawn(scheduler, pods, 1, header: ("x-revision", revision)) == [[]]) }
    #expect(drawn(scheduler, pods, 400, header: ("x-revision", "")).contains(["a"]))
  }

  @Test func withoutGatingHeadersCountAlone() throws {
    let more = """
      headerSelectors:
          - {name: revision, headerName: x-revision, labelKey: \(Self.revision), mode: strict}
          - {name: role, headerName: x-role, labelKey: \(Self.role), mode: prefer}
      """
    let scheduler = try scheduler(file("mode: disabled", more))
    let pods = pool([("a", "decode", 1), ("b", "decode", 1), (nil, "decode", 1)])
    #expect(drawn(scheduler, pods, 1) == [["a", "b", "none"]])
    #expect(drawn(scheduler, pods, 1, header: ("x-revision", "b")) == [["b"]])
    #expect(drawn(scheduler, pods, 1, header: ("x-role", "prefill")) == [["a", "b", "none"]])
  }

  @Test func answersTellTheLabelsOfTheEndpointThatServes() throws {
    let gating = "mode: max-role, requiredRoles: [decode], revisionHeaderName: x-revision"
    let scheduler = try scheduler(file(gating))
    let endpoint = pool([("a", "decode", 1)]).members[0].endpoint
    var prompt = PrefixQuery()
    let effects = scheduler.picked(
      PickedRequest(
        request: InferenceRequest(api: .completions), context: RequestContext(requestID: "r"), endpoint: endpoint,
        now: MonotonicTime(nanoseconds: 0)), SchedulingScratch(seed: 1).context, &prompt)
    func headers(_ served: EndpointSlot?) -> [RequestHeaders.Field] {
      var answer = AnswerStart(status: 200, served: served, servedAddress: nil, now: MonotonicTime(nanoseconds: 1))
      for follower in effects.followers { follower.responseStarted(&answer) }
      return answer.headers
    }
    #expect(headers(endpoint.slot) == [RequestHeaders.Field(name: "x-revision", value: "a")])
    #expect(headers(EndpointSlot(index: 9, generation: 1)) == [])
  }

  @Test func mistakesAreFound() {
    let text =
      TestText.head + """
        plugins:
        - type: disaggregatedset-rollout-screener
        - type: disaggregatedset-rollout-screener
          name: other
          parameters:
            scope: {labelSelector: "a in b"}
            headerSelectors: [{headerName: x}]
            revisionGating: {mode: sum}
        """
    let problems = TestText.problems(text)
    #expect(problems.count == 5, "\(problems)")
    for part in ["'scope'", "'revisionGating' with 'mode'", "labelSelector: ", "needs 'labelKey'", "'requiredRoles'"] {
      #expect(problems.contains { $0.contains(part) }, "\(part): \(problems)")
    }
  }
}
