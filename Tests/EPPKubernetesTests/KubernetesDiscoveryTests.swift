import EPPCore
import EPPDataLayer
import EPPMetrics
import EPPTestKit
import Logging
import Synchronization
import Testing

@testable import EPPKubernetes

/// Discovery from an API server on the loopback interface into the store.
@Suite struct KubernetesDiscoveryTests {
  private struct Bench: Sendable {
    var server: FakeAPIServer
    var store: EndpointStore
    var discovery: KubernetesDiscovery
    var metrics: PickerMetrics
    var log: LogRecorder

    var endpoints: [String] {
      store.currentSnapshot().members.map { "\($0.endpoint.name) \($0.endpoint.address)" }.sorted()
    }

    func serves(_ endpoints: [String]) async -> Bool { await eventually { self.endpoints == endpoints } }

    func metric(_ series: String) -> String? {
      discovery.refreshGauges()
      return String(decoding: metrics.page(), as: UTF8.self).split(separator: "\n")
        .first { $0.hasPrefix(series + " ") }.map { String($0.dropFirst(series.count + 1)) }
    }

    func pool(_ selector: [String: String] = ["app": "vllm"], ports: [Int] = [8000]) {
      server.put(FakeAPIServer.pools, "pool") { Documents.pool("pool", version: $0, selector: selector, ports: ports) }
    }
  }

  private func withDiscovery(
    _ target: KubernetesDiscovery.Target = .pool(name: "pool", group: .stable), own: [String] = [],
    prepare: (FakeAPIServer) -> Void = { _ in }, _ body: (Bench) async throws -> Void
  ) async throws {
    let server = try FakeAPIServer()
    try await server.start()
    prepare(server)
    let log = LogRecorder()
    let metrics = PickerMetrics()
    let store = EndpointStore(
      configuration: EndpointStore.Configuration(stalenessThreshold: .seconds(2)), logger: log.logger)
    let client = try KubernetesClient(KubernetesConfiguration(server: server.url), clock: { .now() })
    var configuration = KubernetesDiscovery.Configuration(target: target, namespace: "ns", ownAddresses: own)
    configuration.watch.firstDelay = .milliseconds(5)
    configuration.watch.longestDelay = .milliseconds(20)
    configuration.watch.accessDelay = .milliseconds(20)
    let discovery = KubernetesDiscovery(
      configuration, client: client, store: store, metrics: metrics, logger: log.logger)
    let running = Task { await discovery.run() }
    do {
      try await body(
        Bench(server: server, store: store, discovery: discovery, metrics: metrics, log: log))
    } catch {
      Issue.record(error)
    }
    running.cancel()
    await running.value
    await client.shutdown()
    try await server.stop()
  }

  @Test("A pool that appears late is found, and follows its pods and its own changes")
  func pool() async throws {
    try await withDiscovery(prepare: { server in
      server.put(pod: "a", address: "10.0.0.1")
      server.put(pod: "b", address: "10.0.0.2", isReady: false)
      server.put(pod: "c", address: "10.0.0.3", labels: ["app": "other"])
    }) { bench in
      #expect(await eventually { bench.log.lines(.warning) == ["InferencePool does not exist yet: waiting for it"] })
      let isRead = Mutex(false)
      let reading = Task {
        let value = await bench.discovery.waitUntilRead()
        isRead.withLock { $0 = value }
      }
      #expect(bench.endpoints.isEmpty && !isRead.withLock { $0 })
      let age = #"epp_kubernetes_contact_age_seconds{resource="pods"}"#
      #expect(bench.metric(age) == "NaN")
      bench.pool()
      #expect(await bench.serves(["a-rank-0 10.0.0.1:8000"]))
      await reading.value
      #expect(isRead.withLock { $0 })
      #expect(await eventually { bench.metric(age).flatMap { Double($0) }.map { $0 < 60 } ?? false })
      bench.server.put(pod: "b", address: "10.0.0.2")
      #expect(await bench.serves(["a-rank-0 10.0.0.1:8000", "b-rank-0 10.0.0.2:8000"]))
      bench.pool(ports: [8000, 8001])
      #expect(
        await bench.serves([
          "a-rank-0 10.0.0.1:8000", "a-rank-1 10.0.0.1:8001", "b-rank-0 10.0.0.2:8000", "b-rank-1 10.0.0.2:8001",
        ]))
      bench.server.put(pod: "a", address: "10.0.0.1", isReady: false)
      #expect(await bench.serves(["b-rank-0 10.0.0.2:8000", "b-rank-1 10.0.0.2:8001"]))
      bench.pool(["app": "other"])
      #expect(await bench.serves(["c-rank-0 10.0.0.3:8000"]))
      bench.server.delete(FakeAPIServer.pools, "pool")
      #expect(await bench.serves([]))
      #expect(bench.log.lines(.warning).last == "InferencePool has gone: there are no endpoints")
      #expect(bench.metric(age) == "NaN")
      bench.pool()
      #expect(await bench.serves(["b-rank-0 10.0.0.2:8000"]))
    }
  }

  @Test("The pool of the older group is the same")
  func alphaPool() async throws {
    try await withDiscovery(
      .pool(name: "pool", group: .experimental),
      prepare: { server in
        server.put(pod: "a", address: "10.0.0.1")
        server.put(FakeAPIServer.alphaPools, "pool") { Documents.alphaPool("pool", version: $0, port: 9000) }
      }
    ) { bench in
      #expect(await bench.serves(["a-rank-0 10.0.0.1:9000"]))
    }
  }

  @Test("A label selector needs no pool, and never takes the picker itself")
  func selector() async throws {
    let definition = PoolEndpoints.Definition(
      selector: try LabelSelector("app in (vllm, sglang),role!=prefill"), targetPorts: [8000])
    try await withDiscovery(
      .pods(definition), own: ["10.0.0.9"],
      prepare: { server in
        server.set { $0.missing = [FakeAPIServer.pools] }
        server.put(pod: "a", address: "10.0.0.1", labels: ["app": "sglang"])
        server.put(pod: "b", address: "10.0.0.2", labels: ["app": "vllm", "role": "prefill"])
        server.put(pod: "me", address: "10.0.0.9", labels: ["app": "vllm"])
        server.put(pod: "loop", address: "127.0.0.1", labels: ["app": "vllm"])
      }
    ) { bench in
      #expect(await bench.serves(["a-rank-0 10.0.0.1:8000"]))
      #expect(bench.log.lines(.warning).count == 2)
      // Problems that persist are not logged again after another change.
      bench.server.put(pod: "a", address: "10.0.0.5", labels: ["app": "sglang"])
      #expect(await bench.serves(["a-rank-0 10.0.0.5:8000"]))
      #expect(bench.log.lines(.warning).count == 2)
      #expect(bench.server.lists(FakeAPIServer.pools).isEmpty)
    }
  }

  @Test("The last known pool is served while the server is away, and a gauge says how old it is")
  func away() async throws {
    try await withDiscovery(prepare: { server in
      server.put(pod: "a", address: "10.0.0.1")
      server.put(FakeAPIServer.pools, "pool") { Documents.pool("pool", version: $0) }
    }) { bench in
      #expect(await bench.serves(["a-rank-0 10.0.0.1:8000"]))
      #expect(await eventually { bench.server.openWatches == 2 })
      try await bench.server.kill()
      let series = #"epp_kubernetes_contact_age_seconds{resource="pods"}"#
      #expect(await eventually { (bench.metric(series).flatMap { Double($0) } ?? 0) > 0.05 })
      #expect(bench.endpoints == ["a-rank-0 10.0.0.1:8000"])
      bench.server.delete(FakeAPIServer.pods, "a")
      bench.server.put(pod: "b", address: "10.0.0.2")
      bench.server.compact()
      try await bench.server.start()
      #expect(await bench.serves(["b-rank-0 10.0.0.2:8000"]))
    }
  }

  @Test("A kind of pool that the server does not have is a gauge and a warning until it comes")
  func missing() async throws {
    try await withDiscovery(prepare: { server in
      server.put(pod: "a", address: "10.0.0.1")
      server.set { $0.missing = [FakeAPIServer.pools] }
    }) { bench in
      let missing = #"epp_kubernetes_resource_missing{resource="inferencepools"}"#
      #expect(await eventually { bench.metric(missing) == "1" })
      #expect(bench.metric(#"epp_kubernetes_contact_age_seconds{resource="inferencepools"}"#) == "+Inf")
      bench.server.set { $0.missing = [] }
      bench.pool()
      #expect(await bench.serves(["a-rank-0 10.0.0.1:8000"]))
      #expect(await eventually { bench.metric(missing) == "0" })
    }
  }

  @Test("A pool that can no longer be read stays as it was")
  func unreadable() async throws {
    try await withDiscovery(prepare: { server in
      server.put(pod: "a", address: "10.0.0.1")
      server.put(FakeAPIServer.pools, "pool") { Documents.pool("pool", version: $0) }
    }) { bench in
      #expect(await bench.serves(["a-rank-0 10.0.0.1:8000"]))
      #expect(await eventually { bench.server.openWatches == 2 })
      bench.server.put(FakeAPIServer.pools, "pool") {
        #"{"metadata": {"name": "pool", "namespace": "ns", "resourceVersion": "\#($0)"}, "spec": {}}"#
      }
      #expect(await eventually { !bench.log.lines(containing: "cannot be read").isEmpty })
      bench.server.put(pod: "b", address: "10.0.0.2")
      #expect(await bench.serves(["a-rank-0 10.0.0.1:8000", "b-rank-0 10.0.0.2:8000"]))
    }
  }
}
