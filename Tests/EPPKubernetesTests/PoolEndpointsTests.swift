import EPPCore
import EPPDataLayer
import Testing

@testable import EPPKubernetes

@Suite struct PoolEndpointsTests {
  private func pod(
    _ name: String, _ addresses: [String] = ["10.0.0.1"], isReady: Bool = true, isTerminating: Bool = false,
    labels: [String: String] = ["app": "vllm"], annotations: [String: String] = [:]
  ) -> Pod {
    Pod(
      metadata: ObjectMetadata(
        name: name, namespace: "ns", labels: labels, annotations: annotations, isTerminating: isTerminating),
      isReady: isReady, addresses: addresses)
  }

  private func endpoints(
    _ pods: [Pod], selector: LabelSelector = LabelSelector(matching: ["app": "vllm"]), ports: [UInt16] = [8000],
    own: [String] = []
  ) -> PoolEndpoints {
    PoolEndpoints(
      PoolEndpoints.Definition(selector: selector, targetPorts: ports), pods: pods,
      ownAddresses: Set(own.compactMap { IPAddress($0) }))
  }

  @Test("Each target port of each pod is an endpoint, named and ranked by the place of the port")
  func ports() {
    let labels = ["app": "vllm", "llm-d.ai/role": "decode"]
    let result = endpoints(
      [pod("b", ["fd00::1"]), pod("a", labels: labels, annotations: ["llm-d.ai/x": "1", "kubectl/y": "2"])],
      ports: [8000, 9000])
    #expect(result.problems.isEmpty)
    #expect(
      result.endpoints == [
        DiscoveredEndpoint(
          name: "a-rank-0", namespace: "ns", address: EndpointAddress(host: "10.0.0.1", port: 8000), labels: labels,
          annotations: ["llm-d.ai/x": "1"], rank: 0),
        DiscoveredEndpoint(
          name: "a-rank-1", namespace: "ns", address: EndpointAddress(host: "10.0.0.1", port: 9000), labels: labels,
          annotations: ["llm-d.ai/x": "1"], rank: 1),
        DiscoveredEndpoint(
          name: "b-rank-0", namespace: "ns", address: EndpointAddress(host: "fd00::1", port: 8000),
          labels: ["app": "vllm"], rank: 0),
        DiscoveredEndpoint(
          name: "b-rank-1", namespace: "ns", address: EndpointAddress(host: "fd00::1", port: 9000),
          labels: ["app": "vllm"], rank: 1),
      ])
  }

  @Test("Pods that are not ready, terminating or not selected are no endpoints, and no problem")
  func left() {
    let result = endpoints([
      pod("a", isReady: false), pod("b", isTerminating: true), pod("c", labels: ["app": "other"]),
      pod("d", labels: [:]),
      pod("e", [], isReady: false),
    ])
    #expect(result.endpoints.isEmpty && result.problems.isEmpty)
  }

  @Test(
    "Addresses that requests must never be sent to",
    arguments: [
      ("127.0.0.1", "is a loopback address"), ("127.9.9.9", "is a loopback address"), ("::1", "is a loopback address"),
      ("0:0:0:0:0:0:0:1", "is a loopback address"), ("::ffff:127.0.0.1", "is a loopback address"),
      ("169.254.169.254", "is a link-local address"), ("fe80::1", "is a link-local address"),
      ("febf::1", "is a link-local address"), ("0.0.0.0", "names no host"), ("::", "names no host"),
      ("10.9.9.9", "is that of this picker"), ("::ffff:10.9.9.9", "is that of this picker"),
      ("fd00:0:0::9", "is that of this picker"), ("localhost", "is no IP address"),
      ("fe80::1%eth0", "is no IP address"),
    ])
  func refused(address: String, reason: String) {
    let result = endpoints([pod("a", [address])], own: ["10.9.9.9", "fd00::9"])
    #expect(result.endpoints.isEmpty)
    #expect(result.problems == [EndpointProblem("pod ns/a is no endpoint: its address \(address) \(reason)")])
  }

  @Test("The second address is taken where the first one cannot be; a ready pod without an address is told")
  func secondAddress() {
    #expect(endpoints([pod("a", ["fe80::1", "10.0.0.2"])]).endpoints.map(\.address.host) == ["10.0.0.2"])
    #expect(
      endpoints([pod("a", [])]).problems == [EndpointProblem("pod ns/a is no endpoint: it has no address")])
  }

  @Test(
    "Active ports limit a pod, and ranks stay those of the pool",
    arguments: [
      (["llm-d.ai/active-ports": "8001"], [1]), (["llm-d.ai/active-ports": " 8002 ,8000"], [0, 2]),
      (["inference.networking.k8s.io/active-ports": "8000"], [0]),
      (["llm-d.ai/active-ports": "8000", "inference.networking.k8s.io/active-ports": "8001"], [0]),
      (["llm-d.ai/active-ports": ""], []), ([:], [0, 1, 2]),
    ])
  func activePorts(annotations: [String: String], ranks: [Int]) {
    let result = endpoints([pod("a", annotations: annotations)], ports: [8000, 8001, 8002])
    #expect(result.endpoints.map(\.rank) == ranks)
    #expect(result.endpoints.map { Int($0.address.port) } == ranks.map { 8000 + $0 })
    #expect(result.problems.isEmpty)
  }

  @Test("An active port that the pool does not have is told, and the others count")
  func unknownActivePort() {
    let result = endpoints([pod("a", annotations: ["llm-d.ai/active-ports": "8000,9,x"])])
    #expect(result.endpoints.map(\.rank) == [0])
    #expect(
      result.problems == [
        EndpointProblem("pod ns/a: annotation llm-d.ai/active-ports names '9', which is no target port of the pool"),
        EndpointProblem("pod ns/a: annotation llm-d.ai/active-ports names 'x', which is no target port of the pool"),
      ])
  }
}
