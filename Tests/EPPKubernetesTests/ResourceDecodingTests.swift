import FoundationEssentials
import Testing

@testable import EPPKubernetes

@Suite struct ResourceDecodingTests {
  private func decode<Value: Decodable>(_ text: String) throws -> Value {
    try JSONDecoder().decode(Value.self, from: Data(text.utf8))
  }

  @Test("A pod: who it is, whether it is ready, where it listens")
  func pod() throws {
    let pod: Pod = try decode(
      Documents.pod("a", version: 7, address: "10.0.0.7", labels: ["app": "x"], annotations: ["k": "v"]))
    #expect(
      pod
        == Pod(
          metadata: ObjectMetadata(
            name: "a", namespace: "ns", resourceVersion: "7", labels: ["app": "x"], annotations: ["k": "v"]),
          isReady: true, addresses: ["10.0.0.7"]))
  }

  @Test(
    "When a pod is ready and when it is not",
    arguments: [
      (#"{"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}"#, true),
      (#"{"phase": "Running", "conditions": [{"type": "Ready", "status": "False"}]}"#, false),
      (#"{"phase": "Running", "conditions": [{"type": "Ready", "status": "Unknown"}]}"#, false),
      (#"{"phase": "Running", "conditions": [{"type": "ContainersReady", "status": "True"}]}"#, false),
      (#"{"phase": "Failed", "conditions": [{"type": "Ready", "status": "True"}]}"#, false),
      (#"{"phase": "Succeeded", "conditions": [{"type": "Ready", "status": "True"}]}"#, false),
      (#"{"conditions": null}"#, false), ("{}", false),
    ])
  func readiness(status: String, isReady: Bool) throws {
    let pod: Pod = try decode(#"{"metadata": {"name": "a"}, "status": \#(status)}"#)
    #expect(pod.isReady == isReady)
  }

  @Test("A pod without status has no address; one with both families has the primary address first")
  func addresses() throws {
    let new: Pod = try decode(#"{"metadata": {"name": "a"}, "spec": {}}"#)
    #expect(new.addresses.isEmpty && !new.isReady)
    let dual: Pod = try decode(
      #"{"metadata": {"name": "a"}, "status": {"podIP": "fd00::7", "podIPs": [{"ip": "fd00::7"}, {"ip": "10.0.0.7"}]}}"#
    )
    #expect(dual.addresses == ["fd00::7", "10.0.0.7"])
    let placed: Pod = try decode(
      #"{"metadata": {"name": "a"}, "spec": {"hostname": "h-0"}, "status": {"hostIP": "192.168.0.1"}}"#)
    #expect(placed.hostname == "h-0" && placed.nodeAddress == "192.168.0.1")
    #expect(new.hostname == nil && new.nodeAddress == nil)
    let terminating: Pod = try decode(Documents.pod("a", isTerminating: true))
    #expect(terminating.metadata.isTerminating && terminating.isReady)
  }

  @Test("Pools of both groups are the same pool")
  func pools() throws {
    let stable: InferencePool = try decode(
      Documents.pool("p", version: 3, selector: ["app": "x", "role": "y"], ports: [8000]))
    let alpha: InferencePool = try decode(
      Documents.alphaPool("p", version: 3, selector: ["app": "x", "role": "y"], port: 8000))
    #expect(
      stable
        == InferencePool(
          metadata: ObjectMetadata(name: "p", namespace: "ns", resourceVersion: "3"),
          selector: ["app": "x", "role": "y"],
          targetPorts: [8000], applicationProtocol: .cleartextHTTP2,
          picker: InferencePool.Picker(name: "epp", port: 9002)))
    #expect(
      alpha.selector == stable.selector && alpha.targetPorts == stable.targetPorts && alpha.picker == stable.picker)
    #expect(alpha.applicationProtocol == .http)
    #expect(PoolEndpoints.Definition(alpha) == PoolEndpoints.Definition(stable))
  }

  @Test("An objective has a priority, 0 without one, and names its pool, of the stable group without another")
  func objectives() throws {
    let objective: InferenceObjective = try decode(
      #"{"metadata": {"name": "o"}, "spec": {"priority": -3, "poolRef": {"group": "g", "kind": "K", "name": "p"}}}"#)
    #expect(objective.priority == -3 && objective.pool == PoolReference(group: "g", kind: "K", name: "p"))
    let bare: InferenceObjective = try decode(#"{"metadata": {"name": "o"}, "spec": {"poolRef": {"name": "p"}}}"#)
    #expect(bare.priority == 0)
    #expect(bare.pool == PoolReference(group: "inference.networking.k8s.io", kind: "InferencePool", name: "p"))
  }

  @Test("A rewrite has rules for exact names or for all models, with weights or without")
  func rewrites() throws {
    let rewrite: InferenceModelRewrite = try decode(
      """
      {"metadata": {"name": "r", "namespace": "ns", "creationTimestamp": "2026-01-02T03:04:05Z"},
       "spec": {"poolRef": {"name": "p"}, "rules": [
         {"matches": [{"model": {"type": "Exact", "value": "a"}}, {"model": {"value": "b"}}],
          "targets": [{"modelRewrite": "x", "weight": 90}, {"modelRewrite": "y", "weight": 10}]},
         {"targets": [{"modelRewrite": "z"}]}]}}
      """)
    #expect(rewrite.createdAt == "2026-01-02T03:04:05Z")
    #expect(
      rewrite.rules == [
        InferenceModelRewrite.Rule(
          models: ["a", "b"], targets: [.init(modelRewrite: "x", weight: 90), .init(modelRewrite: "y", weight: 10)]),
        InferenceModelRewrite.Rule(models: [], targets: [.init(modelRewrite: "z")]),
      ])
  }

  @Test(
    "A rewrite with an unknown kind of match or an impossible weight is not read",
    arguments: [
      #"{"matches": [{"model": {"type": "Prefix", "value": "a"}}], "targets": [{"modelRewrite": "x"}]}"#,
      #"{"targets": [{"modelRewrite": "x", "weight": 9000000000}]}"#, #"{"targets": [{}]}"#,
    ])
  func unreadableRewrites(rule: String) {
    #expect(throws: DecodingError.self) {
      let _: InferenceModelRewrite = try decode(
        #"{"metadata": {"name": "r"}, "spec": {"poolRef": {"name": "p"}, "rules": [\#(rule)]}}"#)
    }
  }

  @Test("Details of pools: eight ports, no picker, a flat label that is called matchLabels")
  func poolDetails() throws {
    let ports = Array(8000..<8008)
    let eight: InferencePool = try decode(Documents.pool("p", ports: ports))
    #expect(eight.targetPorts == ports.map { UInt16($0) })
    let bare: InferencePool = try decode(
      #"{"metadata": {"name": "p"}, "spec": {"selector": {"matchLabels": {"a": "b"}}, "targetPorts": [{"number": 1}]}}"#
    )
    #expect(bare.picker == nil && bare.applicationProtocol == .http)
    let odd: InferencePool = try decode(
      #"{"metadata": {"name": "p"}, "spec": {"selector": {"matchLabels": "b"}, "targetPortNumber": 1}}"#)
    #expect(odd.selector == ["matchLabels": "b"])
  }

  @Test(
    "Pools that cannot be served are refused",
    arguments: [
      #"{"selector": {"matchLabels": {}}, "targetPorts": [{"number": 1}]}"#,
      #"{"selector": {}, "targetPortNumber": 1}"#,
      #"{"selector": {"matchLabels": {"a": "b"}}, "targetPorts": []}"#,
      #"{"selector": {"matchLabels": {"a": "b"}}, "targetPorts": [{"number": 0}]}"#,
      #"{"selector": {"matchLabels": {"a": "b"}}, "targetPorts": [{"number": 65536}]}"#,
      #"{"selector": {"matchLabels": {"a": "b"}}}"#, #"{"targetPortNumber": 1}"#,
    ])
  func badPools(spec: String) {
    #expect(throws: DecodingError.self) {
      let _: InferencePool = try decode(#"{"metadata": {"name": "p"}, "spec": \#(spec)}"#)
    }
  }

  @Test("A page with an object that cannot be read has the others, and says which one it is and why")
  func page() throws {
    let page: ResourcePage<InferencePool> = try decode(
      """
      {"kind": "InferencePoolList", "metadata": {"resourceVersion": "9", "continue": "next", "remainingItemCount": 1},
       "items": [\(Documents.pool("a")), {"metadata": {"name": "b", "namespace": "ns"}, "spec": {"selector": {"x": "y"}}}]}
      """)
    #expect(page.resourceVersion == "9" && page.continuation == "next")
    #expect(page.items.map(\.key.name) == ["a"])
    #expect(page.unreadable.map(\.key) == [ObjectKey(namespace: "ns", name: "b")])
    #expect(page.unreadable.first?.problem.contains("targetPortNumber") ?? false)
    let empty: ResourcePage<Pod> = try decode(#"{"metadata": {"resourceVersion": "9", "continue": ""}, "items": null}"#)
    #expect(empty.items.isEmpty && empty.continuation == nil)
  }

  @Test("Lines of a watch")
  func events() throws {
    let pod = Documents.pod("a", version: 4)
    for type in ["ADDED", "MODIFIED"] {
      let event: WatchEvent<Pod> = try decode(#"{"type": "\#(type)", "object": \#(pod)}"#)
      guard case .upserted(let found) = event else { return #expect(Bool(false), "\(event)") }
      #expect(found.key.name == "a" && found.metadata.resourceVersion == "4")
    }
    guard case .deleted(let gone) = try decode(#"{"type": "DELETED", "object": \#(pod)}"#) as WatchEvent<Pod> else {
      return #expect(Bool(false))
    }
    #expect(gone.key.name == "a")
    guard
      case .bookmark(version: "12") = try decode(
        #"{"type": "BOOKMARK", "object": {"kind": "Pod", "metadata": {"resourceVersion": "12", "creationTimestamp": null}}}"#
      )
        as WatchEvent<Pod>
    else { return #expect(Bool(false)) }
    guard
      case .error(let status) = try decode(
        #"{"type": "ERROR", "object": {"kind": "Status", "code": 410, "reason": "Expired", "message": "old"}}"#)
        as WatchEvent<Pod>
    else { return #expect(Bool(false)) }
    #expect(status == KubernetesStatus(code: 410, reason: "Expired", message: "old"))
    guard
      case .unreadable(let object, isDeleted: true) = try decode(
        #"{"type": "DELETED", "object": {"metadata": {"name": "p", "resourceVersion": "5"}, "spec": 3}}"#)
        as WatchEvent<InferencePool>
    else { return #expect(Bool(false)) }
    #expect(object.metadata.resourceVersion == "5")
    #expect(throws: DecodingError.self) {
      let _: WatchEvent<Pod> = try decode(#"{"type": "MOVED", "object": \#(pod)}"#)
    }
  }

  @Test("A status says more in its details")
  func status() throws {
    let status: KubernetesStatus = try decode(
      """
      {"kind": "Status", "status": "Failure", "message": "Timeout", "reason": "Timeout", "code": 504,
       "details": {"causes": [{"reason": "ResourceVersionTooLarge", "message": "m"}, {"field": "f"}], "retryAfterSeconds": 1}}
      """)
    #expect(status.causes == ["ResourceVersionTooLarge"] && status.retryAfterSeconds == 1 && status.code == 504)
  }
}
