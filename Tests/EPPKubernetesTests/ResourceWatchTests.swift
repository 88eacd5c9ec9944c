import EPPCore
import EPPDataLayer
import EPPTestKit
import Logging
import Synchronization
import Testing

@testable import EPPKubernetes

/// Watches with a client, and a server on the loopback interface.
@Suite struct ResourceWatchTests {
  /// Records the changes that a watch reports.
  private final class ChangeRecorder: Sendable {
    private struct State {
      var cache = ResourceCache<Pod>()
      var replacements = 0
    }

    private let state = Mutex(State())

    func apply(_ change: ResourceChange<Pod>) {
      state.withLock { state in
        state.cache.apply(change)
        if case .replaced = change { state.replacements += 1 }
      }
    }

    /// First address of each pod, by the pod's name.
    var pods: [String: String] {
      state.withLock { state in
        Dictionary(
          uniqueKeysWithValues: state.cache.objects.map { ($0.key.name, $0.value.addresses.first ?? "") })
      }
    }
    var replacements: Int { state.withLock { $0.replacements } }
  }

  private struct Bench: Sendable {
    var server: FakeAPIServer
    var recorder: ChangeRecorder
    var status: WatchStatus
    var log: LogRecorder

    func shows(_ pods: [String: String]) async -> Bool { await eventually { recorder.pods == pods } }
  }

  private static let quick = {
    var configuration = WatchConfiguration()
    configuration.pageSize = 2
    configuration.firstDelay = .milliseconds(5)
    configuration.longestDelay = .milliseconds(20)
    configuration.accessDelay = .milliseconds(20)
    return configuration
  }()

  private func withWatch(
    _ configuration: WatchConfiguration = quick, credentials: KubernetesConfiguration.Credentials = .none,
    limits: KubernetesClient.Limits = KubernetesClient.Limits(), prepare: (FakeAPIServer) -> Void = { _ in },
    _ body: (Bench) async throws -> Void
  ) async throws {
    let server = try FakeAPIServer()
    try await server.start()
    prepare(server)
    let client = try KubernetesClient(
      KubernetesConfiguration(server: server.url, credentials: credentials), limits: limits, clock: { .now() })
    let bench = Bench(server: server, recorder: ChangeRecorder(), status: WatchStatus(), log: LogRecorder())
    let watch = ResourceWatch<Pod>(
      ResourceCollection(.pods, namespace: "ns"), client: client, status: bench.status, configuration: configuration,
      logger: bench.log.logger, clock: { .now() })
    let running = Task { await watch.run { bench.recorder.apply($0) } }
    do {
      try await body(bench)
    } catch {
      Issue.record(error)
    }
    running.cancel()
    await running.value
    await client.shutdown()
    try await server.stop()
  }

  @Test("What is there is listed, and what changes is told", arguments: [nil, 3])
  func follow(pieceBytes: Int?) async throws {
    try await withWatch(prepare: { server in
      server.set { $0.pieceBytes = pieceBytes }
      for number in 1...5 { server.put(pod: "p\(number)", address: "10.0.0.\(number)") }
    }) { bench in
      #expect(
        await bench.shows(["p1": "10.0.0.1", "p2": "10.0.0.2", "p3": "10.0.0.3", "p4": "10.0.0.4", "p5": "10.0.0.5"]))
      #expect(bench.server.lists(FakeAPIServer.pods).count == 3)
      for number in 2...5 { bench.server.delete(FakeAPIServer.pods, "p\(number)") }
      bench.server.put(pod: "p1", address: "10.0.0.9")
      #expect(await bench.shows(["p1": "10.0.0.9"]))
      #expect(bench.recorder.replacements == 1)
      #expect(bench.status.lastContact != nil && bench.status.failure == nil)
      #expect(bench.log.lines(.warning).isEmpty)
    }
  }

  @Test("After a cut connection the watch goes on from the last version, without a new list")
  func cut() async throws {
    try await withWatch(prepare: { $0.put(pod: "a", address: "10.0.0.1") }) { bench in
      #expect(await bench.shows(["a": "10.0.0.1"]))
      #expect(await eventually { bench.server.openWatches == 1 })
      bench.server.put(pod: "b", address: "10.0.0.2")
      #expect(await bench.shows(["a": "10.0.0.1", "b": "10.0.0.2"]))
      bench.server.cutConnections()
      bench.server.put(pod: "c", address: "10.0.0.3")
      bench.server.delete(FakeAPIServer.pods, "a")
      #expect(await bench.shows(["b": "10.0.0.2", "c": "10.0.0.3"]))
      #expect(bench.recorder.replacements == 1)
      #expect(bench.server.watches(FakeAPIServer.pods).last?.query["resourceVersion"] == "102")
    }
  }

  @Test("A server that restarts after a compaction is listed anew, and nothing is dropped meanwhile")
  func restart() async throws {
    try await withWatch(prepare: { $0.put(pod: "a", address: "10.0.0.1") }) { bench in
      #expect(await bench.shows(["a": "10.0.0.1"]))
      #expect(await eventually { bench.server.openWatches == 1 })
      try await bench.server.kill()
      #expect(await eventually { bench.status.failure == .unreachable })
      bench.server.delete(FakeAPIServer.pods, "a")
      bench.server.put(pod: "b", address: "10.0.0.2")
      bench.server.compact()
      #expect(bench.recorder.pods == ["a": "10.0.0.1"])
      try await bench.server.start()
      #expect(await bench.shows(["b": "10.0.0.2"]))
      #expect(bench.recorder.replacements == 2)
      #expect(await eventually { bench.status.failure == nil })
      #expect(bench.log.lines(.notice) == ["Kubernetes resource is followed again"])
    }
  }

  @Test("An expired watch is told by an event, and makes a new list")
  func expired() async throws {
    try await withWatch(prepare: { $0.set { $0.expiresWatches = true } }) { bench in
      #expect(await eventually { bench.recorder.replacements >= 2 })
      bench.server.set { $0.expiresWatches = false }
      bench.server.put(pod: "a", address: "10.0.0.1")
      #expect(await bench.shows(["a": "10.0.0.1"]))
    }
  }

  @Test("A token that is refused is read again")
  func token() async throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("old", to: "token")
    try await withWatch(credentials: .tokenFile(path), prepare: { $0.set { $0.acceptedToken = "old" } }) { bench in
      #expect(await eventually { bench.server.openWatches == 1 })
      bench.server.set { $0.acceptedToken = "new" }
      bench.server.cutConnections()
      #expect(await eventually { bench.status.failure == .unauthorized })
      try folder.write("new", to: "token")
      bench.server.put(pod: "a", address: "10.0.0.1")
      #expect(await bench.shows(["a": "10.0.0.1"]))
      #expect(bench.recorder.replacements == 1)
    }
  }

  @Test("A resource that is missing or forbidden is shown as such, and followed when that ends")
  func missing() async throws {
    try await withWatch(prepare: { $0.set { $0.missing = [FakeAPIServer.pods] } }) { bench in
      #expect(await eventually { bench.status.isMissing })
      bench.server.set { ($0.missing, $0.forbidden) = ([], [FakeAPIServer.pods]) }
      #expect(await eventually { bench.status.failure == .forbidden })
      #expect(bench.status.isMissing && bench.status.lastContact == nil)
      bench.server.set { $0.forbidden = [] }
      bench.server.put(pod: "a", address: "10.0.0.1")
      #expect(await bench.shows(["a": "10.0.0.1"]))
      #expect(await eventually { !bench.status.isMissing && bench.status.lastContact != nil })
      #expect(bench.log.lines(.warning).count == 2)
    }
  }

  @Test("A watch that the server never ends is given up after its time, and opened again")
  func silence() async throws {
    var configuration = Self.quick
    configuration.watchSeconds = 0...0
    configuration.silenceGrace = .milliseconds(50)
    try await withWatch(configuration) { bench in
      #expect(await eventually { bench.status.failure == .silent })
      // The third silent watch is followed by a new list.
      #expect(await eventually { bench.recorder.replacements >= 2 })
      bench.server.put(pod: "a", address: "10.0.0.1")
      #expect(await bench.shows(["a": "10.0.0.1"]))
    }
  }

  @Test("An object that is too large for a line of a watch comes by a list")
  func largeObject() async throws {
    var limits = KubernetesClient.Limits()
    limits.lineBytes = 2000
    try await withWatch(limits: limits, prepare: { $0.put(pod: "a", address: "10.0.0.1") }) { bench in
      #expect(await eventually { bench.server.openWatches == 1 })
      bench.server.put(
        pod: "b", address: "10.0.0.2", labels: ["app": "vllm", "long": String(repeating: "x", count: 3000)])
      #expect(await bench.shows(["a": "10.0.0.1", "b": "10.0.0.2"]))
      #expect(bench.recorder.replacements == 2)
    }
  }

  @Test("An object that cannot be read leaves what is known of it, and is told")
  func unreadable() async throws {
    try await withWatch(prepare: { $0.put(pod: "a", address: "10.0.0.1") }) { bench in
      #expect(await eventually { bench.server.openWatches == 1 })
      bench.server.put(FakeAPIServer.pods, "a") {
        #"{"metadata": {"name": "a", "namespace": "ns", "resourceVersion": "\#($0)"}, "status": 3}"#
      }
      bench.server.put(pod: "b", address: "10.0.0.2")
      #expect(await bench.shows(["a": "10.0.0.1", "b": "10.0.0.2"]))
      #expect(bench.recorder.replacements == 1)
      #expect(bench.log.lines(containing: "ns/a").count == 1)
    }
  }

  @Test("A thousand pods, many of which change while connections break, are all told at last")
  func thousand() async throws {
    var configuration = Self.quick
    configuration.pageSize = 100
    try await withWatch(
      configuration,
      prepare: { server in
        for number in 0..<1000 { server.put(pod: "p\(number)", address: "10.1.\(number / 250).\(number % 250)") }
      }
    ) { bench in
      #expect(await eventually { bench.recorder.pods.count == 1000 })
      for round in 0..<10 {
        for number in stride(from: round, to: 1000, by: 10) {
          if number.isMultiple(of: 3) {
            bench.server.delete(FakeAPIServer.pods, "p\(number)")
          } else {
            bench.server.put(pod: "p\(number)", address: "10.2.\(number / 250).\(number % 250)")
          }
          if number % 400 == round { bench.server.cutConnections() }
        }
        if round == 5 { bench.server.compact() }
      }
      var wanted: [String: String] = [:]
      for number in 0..<1000 where !number.isMultiple(of: 3) {
        wanted["p\(number)"] = "10.2.\(number / 250).\(number % 250)"
      }
      #expect(await bench.shows(wanted))
    }
  }
}
