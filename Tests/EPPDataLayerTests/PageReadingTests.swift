import EPPCore
import EPPMetrics
import EPPTestKit
import NIOSSL
import Testing

@testable import EPPDataLayer

/// Pages that are read otherwise than as `http://ENGINE/metrics`, and pages beside them.
@Suite struct PageReadingTests {
  private static let page = "vllm:num_requests_waiting 3\nvllm:num_requests_running 2\nvllm:kv_cache_usage_perc 0.5\n"
  private let log = LogRecorder()
  private let metrics = PickerMetrics()

  private func withWatch(
    _ configuration: EndpointWatch.Configuration, _ body: (EndpointWatch) async throws -> Void
  ) async throws {
    let watch = EndpointWatch(configuration: configuration, metrics: metrics, logger: log.logger)
    let running = Task { try await watch.run() }
    await watch.waitUntilReady()
    do { try await body(watch) } catch {
      running.cancel()
      _ = await running.result
      throw error
    }
    running.cancel()
    try await running.value
  }

  private func withStub(
    _ behaviour: EngineStub.Behaviour, tls: NIOSSLContext? = nil,
    _ body: (EngineStub, EndpointAddress) async throws -> Void
  ) async throws {
    let stub = EngineStub(behaviour, tls: tls)
    let address = try await stub.start()
    do { try await body(stub, address) } catch {
      try? await stub.stop()
      throw error
    }
    try await stub.stop()
  }

  private func configuration(_ address: EndpointAddress) -> EndpointWatch.Configuration {
    .init(
      endpoints: [address],
      scraping: .init(interval: .milliseconds(10), timeout: .seconds(10), longestPause: .milliseconds(40)),
      store: .init(stalenessThreshold: .seconds(2)))
  }

  private func firstMember(_ watch: EndpointWatch) -> PoolSnapshot.Member? {
    watch.store.currentSnapshot().members.first
  }

  // MARK: Address and path

  @Test func pathAndPortCanBeOthers() async throws {
    try await withStub(.page(Self.page)) { stub, address in
      // Nothing listens at the port of the endpoint itself.
      let endpoint = EndpointAddress(host: "127.0.0.1", port: 9)
      var settings = configuration(endpoint)
      settings.store.metricsPort = address.port
      settings.page = try PageReading(PageSource(path: "/stats?format=text"))
      try await withWatch(settings) { watch in
        #expect(await eventually { firstMember(watch)?.metrics.waitingRequests == 3 })
        let member = try #require(firstMember(watch))
        #expect(member.endpoint.address == endpoint && member.endpoint.metricsAddress == address)
        #expect(member.destination == "127.0.0.1:9" && !member.refusesConnections)
        #expect(stub.lastRequest.hasPrefix("GET /stats?format=text HTTP/1.1\r\nHost: \(address)\r\n"))
      }
    }
  }

  @Test func theLabelSaysWhichMetricsCount() async throws {
    var specs = EngineMetricSpecs(name: "mine")
    specs.waitingRequests = MetricSpec("queue", [.init("tier", "gold")])
    specs.attributes = [.init(key: "heat", spec: MetricSpec("heat"))]
    let page = "queue{tier=\"gold\"} 9\nheat 0.25\n" + Self.page
    let folder = try TemporaryDirectory()
    try await withStub(.page(page)) { stub, address in
      func list(_ engine: String) -> String {
        "endpoints: [{name: a, address: 127.0.0.1, port: '\(address.port)', labels: {llm-d.ai/engine-type: \(engine)}}]"
      }
      try folder.write(list("vllm"), to: "list.yaml")
      var settings = configuration(address)
      settings.endpoints = []
      settings.endpointsFile = folder.path + "/list.yaml"
      settings.engines.engines = [specs]
      try await withWatch(settings) { watch in
        #expect(await eventually { firstMember(watch)?.metrics.waitingRequests == 3 })
        #expect(firstMember(watch)?.metrics.attributes.isEmpty == true)
        try folder.write(list("mine"), to: "list.yaml")
        #expect(await eventually { firstMember(watch)?.metrics.waitingRequests == 9 })
        let metrics = try #require(firstMember(watch)?.metrics)
        #expect(metrics.attributes["heat"] == 0.25 && metrics.missing == [.runningRequests, .kvCacheUsage])
        // What is not looked for is not reported as missing.
        #expect(log.lines(containing: "does not say").isEmpty)
      }
    }
  }

  // MARK: TLS

  private func page(_ authority: TestAuthority, in folder: TemporaryDirectory, client: String? = nil) throws
    -> PageSource
  {
    try folder.write(String(decoding: try authority.pem, as: UTF8.self), to: "ca.crt")
    var source = PageSource.metrics
    source.scheme = .https
    source.certificates.skipsVerification = false
    source.certificates.authorityFile = folder.path + "/ca.crt"
    if let client {
      let identity = try authority.identity(client)
      try folder.write(identity.chainPEM, to: "tls.crt")
      try folder.write(identity.keyPEM, to: "tls.key")
      source.certificates.certificateFile = folder.path + "/tls.crt"
      source.certificates.keyFile = folder.path + "/tls.key"
    }
    return source
  }

  @Test func aPageIsReadOverTLSWithCertificatesOfBothSides() async throws {
    let authority = try TestAuthority()
    let folder = try TemporaryDirectory()
    let source = try page(authority, in: folder, client: "picker")
    try await withStub(.page(Self.page), tls: try NIOSSLContext(configuration: authority.serverConfiguration())) {
      stub, address in
      var settings = configuration(address)
      settings.page = try PageReading(source)
      try await withWatch(settings) { watch in
        #expect(await eventually { firstMember(watch)?.metrics.waitingRequests == 3 })
        #expect(await eventually { stub.requests >= 5 })
        // One handshake serves all readings.
        #expect(stub.connections == 1)
        stub.set(.pageThenClose(Self.page))
        #expect(await eventually { stub.connections >= 3 })
        #expect(watch.store.health().first?.errors == 0)
      }
    }
  }

  @Test func aServerThatTheAuthorityDoesNotKnowIsNotRead() async throws {
    let folder = try TemporaryDirectory()
    var tls = try TestAuthority().serverConfiguration()
    tls.certificateVerification = .none
    let source = try page(try TestAuthority(), in: folder)
    try await withStub(.page(Self.page), tls: try NIOSSLContext(configuration: tls)) { stub, address in
      var settings = configuration(address)
      settings.page = try PageReading(source)
      try await withWatch(settings) { watch in
        #expect(await eventually { watch.store.health().first?.isUnreachable == true })
        #expect(stub.requests == 0 && firstMember(watch)?.isStale == true)
        #expect(await eventually { !log.lines(containing: "check scheme and certificates").isEmpty })
        #expect(firstMember(watch)?.refusesConnections == false)
      }
      // Where any certificate is accepted, the file of authorities is not even read.
      var lenient = source
      lenient.certificates.skipsVerification = true
      lenient.certificates.authorityFile = "/nowhere"
      settings.page = try PageReading(lenient)
      try await withWatch(settings) { watch in
        #expect(await eventually { firstMember(watch)?.metrics.waitingRequests == 3 })
      }
    }
  }

  @Test func newCertificatesAreUsedByNewConnections() throws {
    let (first, second) = (try TestAuthority(), try TestAuthority())
    let folder = try TemporaryDirectory()
    let certificates = try PageCertificates(try page(first, in: folder, client: "picker").certificates)
    let before = certificates.context
    #expect(certificates.look() == .unchanged && certificates.context === before)
    // The key of another certificate: one file is replaced before the other.
    let identity = try second.identity("picker")
    try folder.write(identity.chainPEM, to: "tls.crt")
    #expect(certificates.look() == .unchanged)
    guard case .problem(let problem) = certificates.look() else {
      Issue.record("files that do not match are no problem")
      return
    }
    #expect(
      problem.description.hasPrefix("\(folder.path)/tls.crt and \(folder.path)/tls.key: they cannot be used together"))
    #expect(certificates.look() == .unchanged && certificates.context === before)
    try folder.write(identity.keyPEM, to: "tls.key")
    #expect(certificates.look() == .replaced)
    #expect(certificates.context !== before && certificates.look() == .unchanged)
  }

  @Test func filesThatCannotBeUsedAreProblems() throws {
    let folder = try TemporaryDirectory()
    let authority = try TestAuthority()
    let good = try page(authority, in: folder, client: "picker").certificates
    try folder.write("nothing", to: "empty")
    func problem(_ change: (inout PageSource.Certificates) -> Void) -> String? {
      var settings = good
      change(&settings)
      do throws(PageCertificates.Problem) {
        _ = try PageCertificates(settings)
        return nil
      } catch { return error.description }
    }
    #expect(problem { _ in } == nil)
    #expect(problem { $0.authorityFile = "/nowhere" }?.hasPrefix("/nowhere: ") == true)
    #expect(
      problem { $0.authorityFile = folder.path + "/empty" }
        == "\(folder.path)/empty: it has no certificate in PEM format")
    #expect(
      problem { $0.certificateFile = folder.path + "/empty" }
        == "\(folder.path)/empty: it has no certificate in PEM format")
    #expect(
      problem { $0.keyFile = folder.path + "/empty" }
        == "\(folder.path)/empty: it has no private key in PEM format, or one with a password")
  }

  // MARK: Pages beside the metrics

  @Test func listsOfModelsAreRead() async throws {
    let list = #"{"object":"list","data":[{"id":"base","object":"model"},{"id":"adapter","parent":"base"}]}"#
    try await withStub(.page(Self.page)) { _, address in
      try await withStub(.chunked(list, pieces: 9)) { models, modelsAddress in
        var source = PageSource(path: "/v1/models")
        source.port = modelsAddress.port
        var settings = configuration(address)
        settings.models = PolledPage(
          page: try PageReading(source), interval: .milliseconds(20), source: "models-data-source")
        try await withWatch(settings) { watch in
          #expect(await eventually { firstMember(watch)?.models == ["base", "adapter"] })
          #expect(models.lastRequest.hasPrefix("GET /v1/models HTTP/1.1\r\nHost: \(modelsAddress)\r\n"))
          #expect(models.lastRequest.contains("Accept: application/json"))
          // Failures are counted, and leave the list and the endpoint as they are.
          models.set(.page("no list"))
          let errors = metrics.pollErrors(of: "models-data-source")
          #expect(await eventually { errors.value >= 2 })
          #expect(firstMember(watch)?.models == ["base", "adapter"] && firstMember(watch)?.isStale == false)
          models.set(.page(#"{"data":[]}"#))
          #expect(await eventually { firstMember(watch)?.models == [] })
          #expect(watch.store.health().first?.errors == 0)
        }
      }
    }
  }

  @Test func theBusiestGPUBecomesAnAttribute() async throws {
    let page = """
      # TYPE DCGM_FI_DEV_GPU_UTIL gauge
      DCGM_FI_DEV_GPU_UTIL{gpu="0",pod=""} 90
      DCGM_FI_DEV_GPU_UTIL{gpu="1"} 12
      DCGM_FI_DEV_GPU_UTIL{gpu="2"} 25

      """
    try await withStub(.page(Self.page)) { _, address in
      try await withStub(.page(page)) { exporter, exporterAddress in
        var source = PageSource(path: "/metrics")
        source.port = exporterAddress.port
        var settings = configuration(address)
        settings.gpus = PolledPage(
          page: try PageReading(source), interval: .milliseconds(20), source: "dcgm-data-source")
        try await withWatch(settings) { watch in
          #expect(await eventually { firstMember(watch)?.metrics.attributes["GPUUtilization"] == 0.9 })
          #expect(await eventually { firstMember(watch)?.metrics.waitingRequests == 3 })
          exporter.set(.page("other 1\n"))
          let errors = metrics.pollErrors(of: "dcgm-data-source")
          #expect(await eventually { errors.value >= 1 })
          #expect(firstMember(watch)?.metrics.attributes["GPUUtilization"] == 0.9)
        }
      }
    }
  }

  @Test func anExporterOfANodeWritesOfAllItsPods() {
    let page = Array(
      """
      DCGM_FI_DEV_GPU_UTIL{gpu="0",pod="a-1"} 90
      DCGM_FI_DEV_GPU_UTIL{gpu="1",pod="a-2"} 40
      DCGM_FI_DEV_GPU_UTIL{gpu="2",pod="a-2"} 30
      DCGM_FI_DEV_GPU_UTIL{gpu="3"} 10

      """.utf8)
    func utilization(_ pod: String?) -> Double? {
      var scanner = MetricsPageScanner(EnginePageLayout(gpusOf: pod))
      unsafe scanner.scan(page.span.bytes)
      return scanner.finish()?.attributes[EndpointAttributes.gpuUtilization]
    }
    #expect(
      utilization(nil) == 0.9 && utilization("a-1") == 0.9 && utilization("a-2") == 0.4 && utilization("b") == 0.1)
  }

  @Test func exportersAreAtTheAddressOfTheNodeWhereThatIsKnown() throws {
    var source = PageSource(path: "/metrics")
    source.port = 9400
    let page = PolledPage(page: try PageReading(source), interval: .seconds(1), source: "x", usesNodeAddress: true)
    var endpoint = Endpoint(
      name: "pod-rank-1", address: EndpointAddress(host: "10.0.0.7", port: 8001), rank: 1,
      slot: EndpointSlot(index: 0, generation: 1))
    #expect(page.address(of: endpoint).description == "10.0.0.7:9400" && endpoint.podName == "pod")
    endpoint.nodeAddress = "192.168.0.1"
    #expect(page.address(of: endpoint).description == "192.168.0.1:9400")
    endpoint.name = "engine-0"
    #expect(endpoint.podName == nil)
  }

  @Test func numbersOfLabelsAreAttributes() async {
    var settings = EndpointStore.Configuration(stalenessThreshold: .seconds(2))
    settings.labelAttributes = [LabelAttribute(label: "tier", key: "t"), LabelAttribute(label: "cost", key: "c")]
    let store = EndpointStore(configuration: settings, logger: log.logger)
    func replace(_ labels: [String: String]) async -> EndpointAttributes? {
      await store.replaceEndpoints(
        [DiscoveredEndpoint(name: "a", address: EndpointAddress(host: "10.0.0.1", port: 1), labels: labels)],
        from: .flags)
      return store.currentSnapshot().members.first?.metrics.attributes
    }
    let first = await replace(["tier": "2.5", "cost": "much"])
    #expect(first?["t"] == 2.5 && first?["c"] == 0)
    // A change of labels changes the attributes of the endpoint in its slot; a page adds others.
    var page = EnginePage()
    page.attributes["heat"] = 1
    store.record(
      page, for: EndpointSlot(index: 0, generation: 1), startedAt: .milliseconds(1), dispatched: .init())
    let second = await replace(["cost": "-3"])
    #expect(second?["t"] == 0 && second?["c"] == -3 && second?["heat"] == 1)
  }

  @Test func labelsSayWhereAnEndpointRuns() async {
    var settings = EndpointStore.Configuration(stalenessThreshold: .seconds(2))
    settings.topology.rack = "example.com/rack"
    let store = EndpointStore(configuration: settings, logger: log.logger)
    await store.replaceEndpoints(
      [
        DiscoveredEndpoint(
          name: "a", address: EndpointAddress(host: "10.0.0.1", port: 1),
          labels: [
            "kubernetes.io/hostname": "n1", "example.com/rack": "r1", "topology.kubernetes.io/zone": "z1",
            "topology.kubernetes.io/region": "", "topology.kubernetes.io/rack": "r2",
          ], hostname: "h1"),
        DiscoveredEndpoint(name: "b", address: EndpointAddress(host: "10.0.0.2", port: 1), hostname: "h2"),
      ], from: .kubernetes)
    let places = store.currentSnapshot().members.map(\.endpoint.topology)
    var expected = EndpointTopology()
    expected.hostname = "n1"
    expected.rack = "r1"
    expected.zone = "z1"
    #expect(places.first == expected)
    expected = EndpointTopology()
    expected.hostname = "h2"
    #expect(places.last == expected)
  }
}
