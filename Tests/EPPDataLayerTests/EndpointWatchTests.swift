import EPPCore
import EPPMetrics
import EPPTestKit
import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import Testing

@testable import EPPDataLayer

@Suite struct EndpointWatchTests {
  private static let page = "vllm:num_requests_waiting{engine=\"0\"} 3\nvllm:num_requests_running{engine=\"0\"} 2\n"
  private let log = LogRecorder()
  private let metrics = PickerMetrics()

  /// Runs a watch for the length of `body`, and sees it end.
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

  private func withStub(_ behaviour: EngineStub.Behaviour, _ body: (EngineStub, EndpointAddress) async throws -> Void)
    async throws
  {
    let stub = EngineStub(behaviour)
    let address = try await stub.start()
    do { try await body(stub, address) } catch {
      try? await stub.stop()
      throw error
    }
    try await stub.stop()
  }

  private func configuration(_ addresses: EndpointAddress..., timeout: Duration = .seconds(10))
    -> EndpointWatch.Configuration
  {
    .init(
      endpoints: addresses,
      scraping: .init(interval: .milliseconds(10), timeout: timeout, longestPause: .milliseconds(40)),
      store: .init(stalenessThreshold: .seconds(2)))
  }

  @Test func readsAnEngineOverOneConnection() async throws {
    try await withStub(.page(Self.page)) { stub, address in
      try await withWatch(configuration(address)) { watch in
        #expect(await eventually { watch.store.health().first?.scrapes ?? 0 >= 1 })
        #expect(await eventually { watch.store.currentSnapshot().members.first?.isStale == false })
        let member = try #require(watch.store.currentSnapshot().members.first)
        #expect(member.endpoint.name == address.description)
        #expect(member.metrics.waitingRequests == 3)
        #expect(member.metrics.runningRequests == 2)
        #expect(await eventually { stub.requests >= 5 })
        #expect(stub.connections == 1)
        #expect(stub.lastRequest.hasPrefix("GET /metrics HTTP/1.1\r\nHost: \(address)\r\n"))
        stub.set(.page("vllm:num_requests_waiting 8\n"))
        #expect(await eventually { watch.store.currentSnapshot().members.first?.metrics.waitingRequests == 8 })
        #expect(watch.store.health().first?.errors == 0)
      }
    }
  }

  @Test func totalsAreThoseOfTheStartOfTheScrape() async throws {
    try await withStub(.page(Self.page)) { stub, address in
      try await withWatch(configuration(address)) { watch in
        let load = try #require(watch.store.currentSnapshot().members.first?.load)
        load.dispatch(uncachedTokens: 50)
        #expect(
          await eventually {
            watch.store.currentSnapshot().members.first?.metrics.dispatchedAtScrape
              == EndpointLoad.Totals(requests: 1, uncachedTokens: 50)
          })
        stub.set(.hang)
        load.dispatch(uncachedTokens: 7)
        let member = try #require(watch.store.currentSnapshot().members.first)
        #expect(member.load.unseen(since: member.metrics.dispatchedAtScrape).uncachedTokens <= 7)
      }
    }
  }

  @Test(arguments: [1, 7, 300])
  func readsChunkedPages(_ pieces: Int) async throws {
    let page = String(repeating: "# filler of a page\n", count: 3000) + Self.page
    try await withStub(.chunked(page, pieces: pieces)) { stub, address in
      try await withWatch(configuration(address)) { watch in
        #expect(await eventually { watch.store.currentSnapshot().members.first?.metrics.waitingRequests == 3 })
        #expect(await eventually { stub.requests >= 3 })
        #expect(stub.connections == 1)
      }
    }
  }

  @Test func closedKeepAliveConnectionsAreNoErrors() async throws {
    for behaviour in [EngineStub.Behaviour.pageThenClose(Self.page), .closeOnReuse(Self.page)] {
      try await withStub(behaviour) { stub, address in
        try await withWatch(configuration(address)) { watch in
          #expect(await eventually { stub.connections >= 5 })
          #expect(watch.store.health().first?.errors == 0)
          #expect(watch.store.currentSnapshot().members.first?.metrics.waitingRequests == 3)
        }
      }
    }
  }

  @Test(
    arguments: [
      (EngineStub.Behaviour.status(500), ScrapeError.status(500)),
      (.raw("SSH-2.0-OpenSSH_9.2\r\n"), .response(.malformedStatusLine)),
      (.rawThenClose("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nvllm:"), .response(.truncated)),
      (.close, .closed), (.endless, .response(.bodyTooLarge)), (.page("go_goroutines 1\n"), .noEngineMetrics),
    ] as [(EngineStub.Behaviour, ScrapeError)])
  func wrongAnswersAreErrorsAndRecoveryIsNoticed(_ behaviour: EngineStub.Behaviour, _ error: ScrapeError) async throws {
    try await withStub(behaviour) { stub, address in
      try await withWatch(configuration(address)) { watch in
        #expect(await eventually { watch.store.health().first?.isUnreachable == true })
        #expect(log.lines(containing: "is unreachable").first?.contains("\(error)") == true)
        #expect(watch.store.currentSnapshot().members.first?.isStale == true)
        stub.set(.page(Self.page))
        #expect(await eventually { watch.store.currentSnapshot().members.first?.metrics.waitingRequests == 3 })
        #expect(await eventually { watch.store.health().first?.isUnreachable == false })
        let page = String(decoding: metrics.page(), as: UTF8.self)
        let family = error.isExtraction ? "datalayer_extract_errors_total" : "datalayer_poll_errors_total"
        #expect(page.contains("llm_d_epp_\(family){source_type=\""))
        #expect(log.lines(containing: "is unreachable").count == 1)
      }
    }
  }

  @Test func hangingEnginesTimeOutAndGrowStaleButStay() async throws {
    try await withStub(.page(Self.page)) { stub, address in
      var configuration = configuration(address, timeout: .milliseconds(50))
      configuration.store.stalenessThreshold = .milliseconds(200)
      try await withWatch(configuration) { watch in
        #expect(await eventually { watch.store.currentSnapshot().members.first?.isStale == false })
        stub.set(.hang)
        #expect(await eventually { watch.store.currentSnapshot().members.first?.isStale == true })
        #expect(await eventually { watch.store.health().first?.errors ?? 0 >= 1 })
        #expect(watch.store.currentSnapshot().members.first?.metrics.waitingRequests == 3)
      }
    }
  }

  @Test func anEngineThatComesUpLaterIsFound() async throws {
    // The port is held from the start, so that no other test's server answers there meanwhile.
    let port = try ReservedPort()
    try await withWatch(configuration(port.address)) { watch in
      #expect(await eventually { watch.store.health().first?.isUnreachable == true })
      #expect(await eventually { watch.store.currentSnapshot().members.first?.refusesConnections == true })
      let stub = EngineStub(.page(Self.page))
      _ = try await stub.start(on: port)
      #expect(await eventually { watch.store.currentSnapshot().members.first?.isStale == false })
      #expect(watch.store.currentSnapshot().members.first?.refusesConnections == false)
      #expect(log.lines(containing: "no engine serves").count == 1)
      #expect(log.lines(containing: "is unreachable").isEmpty)
      #expect(log.lines(containing: "reachable again").count == 1)
      try await stub.stop()
    }
  }

  @Test(.timeLimit(.minutes(5))) func readinessDoesNotWaitForDeadEndpoints() async throws {
    try await withStub(.hang) { _, address in
      // Gets here at all, although the engine never answers.
      try await withWatch(configuration(address)) { watch in
        #expect(watch.store.currentSnapshot().members.map(\.isStale) == [true])
      }
    }
  }

  @Test func hostNamesKeepTheirNameAndGetAnAddress() async throws {
    try await withStub(.page(Self.page)) { _, address in
      try await withWatch(configuration(EndpointAddress(host: "localhost", port: address.port))) { watch in
        #expect(await eventually { watch.store.currentSnapshot().members.first?.isStale == false })
        let member = try #require(watch.store.currentSnapshot().members.first)
        #expect(member.endpoint.name == "localhost:\(address.port)")
        #expect(member.destination == "127.0.0.1:\(address.port)")
      }
    }
  }

  @Test func followsTheEndpointsFile() async throws {
    let directory = try TemporaryDirectory()
    try await withStub(.page(Self.page)) { _, address in
      let entry = "- {name: a, address: 127.0.0.1, port: \(address.port)}\n"
      try directory.write("endpoints:\n" + entry, to: "f.yaml")
      var configuration = configuration()
      configuration.endpointsFile = directory.path + "/f.yaml"
      try await withWatch(configuration) { watch in
        #expect(await eventually { watch.store.currentSnapshot().members.first?.isStale == false })
        let first = try #require(watch.store.currentSnapshot().members.first)
        try directory.write("endpoints:\n\(entry)- {name: b, address: 127.0.0.1, port: 1}\n- {name: c}\n", to: "f.yaml")
        #expect(await eventually { watch.store.currentSnapshot().members.count == 2 })
        #expect(watch.store.currentSnapshot().members.first?.load === first.load)
        #expect(watch.store.currentSnapshot().members.first?.endpoint.slot == first.endpoint.slot)
        #expect(log.lines(containing: "f.yaml:4: entry 'c' has no 'address'").count == 1)
        try directory.write("endpoints: [{", to: "f.yaml")
        #expect(await eventually { !log.lines(containing: "stay as they are").isEmpty })
        #expect(watch.store.currentSnapshot().members.count == 2)
        try directory.write("endpoints: []", to: "f.yaml")
        #expect(await eventually { watch.store.currentSnapshot().members.isEmpty })
      }
    }
  }

  @Test func sourcesAreReadWhenTheFileHasBeenReadOnce() async throws {
    let directory = try TemporaryDirectory()
    var configuration = configuration(EndpointAddress(host: "127.0.0.1", port: 1))
    configuration.endpointsFile = directory.path + "/f.yaml"
    try await withWatch(configuration) { watch in
      #expect(!watch.hasReadSources)
      #expect(log.lines(containing: "f.yaml: it does not exist; the picker is not ready before").count == 1)
      try directory.write("endpoints: [{", to: "f.yaml")
      #expect(await eventually { !log.lines(containing: "f.yaml:2: this is not YAML").isEmpty })
      #expect(!watch.hasReadSources)
      try directory.write("endpoints: [{name: a, address: 127.0.0.1, port: 2}]", to: "f.yaml")
      #expect(await watch.waitUntilSourcesRead())
      #expect(watch.hasReadSources && watch.store.currentSnapshot().members.count == 2)
      try FileManager.default.removeItem(atPath: directory.path + "/f.yaml")
      #expect(await eventually { !log.lines(containing: "it does not exist; the endpoints stay as they are").isEmpty })
      #expect(watch.hasReadSources && watch.store.currentSnapshot().members.count == 2)
    }
  }

  @Test func withoutAFileSourcesAreReadAtOnce() async throws {
    try await withWatch(configuration(EndpointAddress(host: "127.0.0.1", port: 1))) { watch in
      #expect(await watch.waitUntilSourcesRead())
    }
  }

  @Test func readsFromNIOsOwnServer() async throws {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let channel = try await ServerBootstrap(group: group)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.configureHTTPServerPipeline()
          try channel.pipeline.syncOperations.addHandler(MetricsResponder(page: Self.page))
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    let port = UInt16(channel.localAddress?.port ?? 0)
    try await withWatch(configuration(EndpointAddress(host: "127.0.0.1", port: port))) { watch in
      #expect(await eventually { watch.store.health().first?.scrapes ?? 0 >= 5 })
      #expect(watch.store.health().first?.errors == 0)
      #expect(watch.store.currentSnapshot().members.first?.metrics.waitingRequests == 3)
    }
    try await group.shutdownGracefully()
  }

  private final class MetricsResponder: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart
    private let page: String

    init(page: String) { self.page = page }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      guard case .end = unwrapInboundIn(data) else { return }
      let head = HTTPResponseHead(version: .http1_1, status: .ok)
      context.write(wrapOutboundOut(.head(head)), promise: nil)
      context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: page)))), promise: nil)
      context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }
  }
}
