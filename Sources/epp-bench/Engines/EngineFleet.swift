import NIOCore
import NIOPosix

/// Mock engines that serve only a metrics page, each on a port of 127.0.0.1.
struct EngineFleet: Sendable {
  /// Number of different pages that an engine serves in turn.
  private static let variants = 8

  private let channels: [any Channel]
  private let counts: [ScrapeCount]
  /// The port of each engine.
  let ports: [Int]

  /// Starts the engines.
  ///
  /// - Parameters:
  ///   - firstPort: The port of the first engine, counted up for the others; nil binds free ports.
  ///   - pageBytes: Approximate size of a page.
  /// - Throws: `BenchError` when a port cannot be bound.
  init(
    count: Int, firstPort: Int?, pageBytes: Int, model: String, on group: any EventLoopGroup
  ) async throws {
    let responses = (0..<Self.variants).map { variant in
      let page = MetricsPage.make(bytes: pageBytes, model: model, variant: variant)
      return ByteBuffer(
        string: "HTTP/1.1 200 OK\r\ndate: Mon, 05 Jan 2026 10:00:00 GMT\r\nserver: uvicorn\r\n"
          + "content-length: \(page.utf8.count)\r\ncontent-type: text/plain; version=0.0.4; charset=utf-8\r\n\r\n"
          + page)
    }
    var channels: [any Channel] = []
    var counts: [ScrapeCount] = []
    for index in 0..<count {
      let scrapes = ScrapeCount()
      let port = firstPort.map { $0 + index } ?? 0
      do {
        channels.append(
          try await ServerBootstrap(group: group)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
              channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(MetricsHandler(responses: responses, scrapes: scrapes))
              }
            }
            .bind(host: "127.0.0.1", port: port).get())
      } catch {
        for channel in channels { try? await channel.close() }
        throw BenchError("cannot listen on 127.0.0.1:\(port): \(error)")
      }
      counts.append(scrapes)
    }
    self.channels = channels
    self.counts = counts
    ports = channels.compactMap { $0.localAddress?.port }
  }

  /// Number of scrapes of all engines so far.
  var scrapes: UInt64 { counts.reduce(0) { $0 + $1.value } }

  /// Number of scrapes of the engine that was scraped least.
  var fewestScrapes: UInt64 { counts.map(\.value).min() ?? 0 }

  /// The flags that make the endpoint picker use these engines.
  var endpointFlags: [String] { ports.flatMap { ["--endpoint", "127.0.0.1:\($0)"] } }

  /// Closes all ports.
  func close() async { for channel in channels { try? await channel.close() } }
}
