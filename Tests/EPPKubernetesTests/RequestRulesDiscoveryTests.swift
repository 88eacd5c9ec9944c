import EPPCore
import EPPDataLayer
import EPPMetrics
import EPPTestKit
import Logging
import Synchronization
import Testing

@testable import EPPKubernetes

/// Discovery of the rules for requests from an API server on the loopback interface.
@Suite struct RequestRulesDiscoveryTests {
  private final class Bench: Sendable {
    let server: FakeAPIServer
    let discovery: RequestRulesDiscovery
    let metrics = PickerMetrics()
    let log = LogRecorder()
    let applied = Mutex<[RequestRules]>([])

    init(_ server: FakeAPIServer, _ client: KubernetesClient) {
      self.server = server
      var configuration = WatchConfiguration()
      configuration.firstDelay = .milliseconds(5)
      configuration.longestDelay = .milliseconds(20)
      configuration.accessDelay = .milliseconds(20)
      discovery = RequestRulesDiscovery(
        pool: PoolReference(name: "pool"), namespace: "ns", client: client, configuration: configuration,
        metrics: metrics, logger: log.logger)
    }

    func applies(_ rules: RequestRules) async -> Bool {
      await eventually { self.applied.withLock { $0.last == rules } }
    }

    func metric(_ name: String, _ resource: String) -> String? {
      discovery.refreshGauges()
      let series = #"\#(name){resource="\#(resource)"}"#
      return String(decoding: metrics.page(), as: UTF8.self).split(separator: "\n")
        .first { $0.hasPrefix(series + " ") }.map { String($0.dropFirst(series.count + 1)) }
    }

    func put(_ priority: Int, objective name: String, in group: String = "llm-d.ai") {
      server.put(Self.path(group, "inferenceobjectives"), name) {
        Documents.objective(name, version: $0, priority: priority)
      }
    }

    static func path(_ group: String, _ plural: String) -> String { "/apis/\(group)/v1alpha2/namespaces/ns/\(plural)" }
  }

  private static let groups = ["llm-d.ai", "inference.networking.x-k8s.io"]

  private func withDiscovery(
    prepare: (FakeAPIServer) -> Void = { _ in }, _ body: (Bench) async throws -> Void
  ) async throws {
    let server = try FakeAPIServer()
    try await server.start()
    prepare(server)
    let client = try KubernetesClient(KubernetesConfiguration(server: server.url), clock: { .now() })
    let bench = Bench(server, client)
    let running = Task { await bench.discovery.run { rules in bench.applied.withLock { $0.append(rules) } } }
    do { try await body(bench) } catch { Issue.record(error) }
    running.cancel()
    await running.value
    await client.shutdown()
    try await server.stop()
  }

  @Test("Objects of both groups count; of two with one name, that of llm-d.ai")
  func groups() async throws {
    try await withDiscovery { bench in
      #expect(await bench.discovery.waitUntilRead())
      bench.put(1, objective: "a", in: Self.groups[1])
      bench.put(2, objective: "b", in: Self.groups[1])
      #expect(await bench.applies(RequestRules(priorities: ["a": 1, "b": 2])))
      bench.put(3, objective: "a")
      #expect(await bench.applies(RequestRules(priorities: ["a": 3, "b": 2])))
      bench.server.put(Bench.path(Self.groups[0], "inferencemodelrewrites"), "r") {
        Documents.rewrite("r", version: $0, of: "m", to: "n")
      }
      let rule = try #require(
        ModelRewriteRule(name: "r", targets: [ModelRewriteRule.Target(model: "n", weight: 1)]))
      #expect(await bench.applies(RequestRules(priorities: ["a": 3, "b": 2], rewrites: ["m": rule])))
      bench.server.delete(Bench.path(Self.groups[0], "inferenceobjectives"), "a")
      #expect(
        await bench.applies(RequestRules(priorities: ["a": 1, "b": 2], rewrites: ["m": rule])))
      #expect(bench.log.lines(.warning).isEmpty)
    }
  }

  @Test("A kind that no group serves is a warning and a gauge, and is found when it appears")
  func missing() async throws {
    let objectives = Self.groups.map { Bench.path($0, "inferenceobjectives") }
    let rewrites = Self.groups.map { Bench.path($0, "inferencemodelrewrites") }
    try await withDiscovery(prepare: { server in
      server.set {
        $0.missing = [objectives[0], objectives[1], rewrites[0]]
        $0.forbidden = [rewrites[1]]
      }
    }) { bench in
      // Nothing that is optional keeps a picker from being ready.
      #expect(await bench.discovery.waitUntilRead())
      let text = "no API group can be read for the resource, which is optional; requests are served without it"
      func warnings() -> Int { bench.log.lines(.warning).count { $0 == text } }
      // A server that is too busy to answer in time is warned of too, and then the kinds are found missing once more.
      func isUndisturbed() -> Bool { bench.log.lines(.warning).allSatisfy { $0 == text } }
      #expect(await eventually { warnings() == 2 || (warnings() > 2 && !isUndisturbed()) })
      for kind in ["inferenceobjectives", "inferencemodelrewrites"] {
        #expect(bench.metric("epp_kubernetes_resource_missing", kind) == "1")
        #expect(bench.metric("epp_kubernetes_contact_age_seconds", kind) == "NaN")
      }
      bench.put(7, objective: "late")
      bench.server.set { $0.missing.remove(objectives[0]) }
      #expect(await bench.applies(RequestRules(priorities: ["late": 7])))
      #expect(await eventually { bench.metric("epp_kubernetes_resource_missing", "inferenceobjectives") == "0" })
      #expect(warnings() == 2 || !isUndisturbed())
    }
  }
}
