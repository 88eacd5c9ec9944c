import EPPCore
import EPPMetrics
import EPPTestKit
import EPPTracing
import Logging
import NIOCore
import NIOEmbedded
import NIOHTTP1
import RoutingProxy

/// A proxy between a client and engines that a test plays byte by byte, in virtual time.
final class ProxyParts {
  let loop = EmbeddedEventLoop()
  let client: EmbeddedChannel
  let connection: ClientConnection
  let metrics = SidecarMetrics()
  let spans = SpanRecorder()
  private let network: Network
  var isDraining = false

  /// The engines, of which each connection is a channel.
  private final class Network {
    let loop: EmbeddedEventLoop
    var channels: [EmbeddedChannel] = []
    var origins: [EngineOrigin] = []
    var refusing: Set<EngineRole> = []

    init(_ loop: EmbeddedEventLoop) { self.loop = loop }

    func connect(_ origin: EngineOrigin) -> EventLoopFuture<NIOLoopBound<EngineConnection>> {
      guard !refusing.contains(origin.role) else { return loop.makeFailedFuture(Refused()) }
      let channel = EmbeddedChannel(loop: loop)
      let engine = EngineConnection()
      do {
        try engine.add(to: channel)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 8200)).wait()
      } catch {
        return loop.makeFailedFuture(error)
      }
      channels.append(channel)
      origins.append(origin)
      return loop.makeSucceededFuture(NIOLoopBound(engine, eventLoop: loop))
    }
  }

  /// The connections that were made, and where they lead.
  var engines: [EmbeddedChannel] { network.channels }
  var origins: [EngineOrigin] { network.origins }

  /// Engines that refuse connections.
  var refusing: Set<EngineRole> {
    get { network.refusing }
    set { network.refusing = newValue }
  }

  var refuses: Bool {
    get { !refusing.isEmpty }
    set { refusing = newValue ? Set(EngineRole.allCases) : [] }
  }

  struct Refused: Error {}

  init(
    targets: TargetPolicy = TargetPolicy(.networks(TargetPolicy.privateNetworks, ports: [8000])),
    buffers: Int = 1 << 20, sampler: TraceSampler? = nil, _ change: (inout ProxySettings) -> Void = { _ in }
  ) throws {
    var settings = ProxySettings()
    change(&settings)
    client = EmbeddedChannel(loop: loop)
    network = Network(loop)
    let pool = EnginePool(loop, settings) { [network] in network.connect($0) }
    var draining: () -> Bool = { false }
    var shared = ProxyShared.forTests(
      targets: targets, buffers: buffers, metrics: metrics, connector: settings.disaggregation.connector,
      encode: settings.disaggregation.encodeConnector)
    shared.tracing = sampler.map { [spans] sampler in
      RequestTracing(tracer: SpanTracer(sampler: sampler, sink: spans), clock: { .init(nanoseconds: 0) })
    }
    let router = RequestRouter(
      engine: EndpointAddress(host: "127.0.0.1", port: 8200),
      encodes: settings.disaggregation.encodeConnector != nil,
      fetchesFromPeers: settings.disaggregation.fetchesFromPeers)
    let proxy = ProxyLoop(loop, settings, router, pool, shared) { draining() }
    connection = ClientConnection(proxy)
    draining = { [weak self] in self?.isDraining ?? true }
    try connection.add(to: client)
    try client.connect(to: SocketAddress(ipAddress: "10.9.8.7", port: 40_000)).wait()
  }

  deinit {
    // A channel keeps its handlers alive, and they keep it.
    network.refusing = Set(EngineRole.allCases)
    for channel in network.channels + [client] { _ = try? channel.close().wait() }
    network.channels = []
  }

  func send(_ text: String) throws { try client.writeInbound(ByteBuffer(string: text)) }

  /// What the client has got since the last call.
  func answer() throws -> String { try Self.text(of: client) }

  /// What an engine has got since the last call.
  func request(_ engine: Int = 0) throws -> String { try Self.text(of: engines[engine]) }

  func reply(_ text: String, _ engine: Int = 0) throws { try engines[engine].writeInbound(ByteBuffer(string: text)) }

  /// The value of a series on the metrics page; nil for none.
  func metric(_ series: String) -> String? {
    String(decoding: metrics.page(), as: UTF8.self).split(separator: "\n").first { $0.hasPrefix(series + " ") }
      .map { String($0.dropFirst(series.count + 1)) }
  }

  private static func text(of channel: EmbeddedChannel) throws -> String {
    var text = ""
    while let bytes = try channel.readOutbound(as: ByteBuffer.self) { text += String(buffer: bytes) }
    return text
  }
}

extension ProxyShared {
  static func forTests(
    targets: TargetPolicy = TargetPolicy(.networks(TargetPolicy.privateNetworks, ports: [8000])),
    buffers: Int = 1 << 20, metrics: SidecarMetrics = SidecarMetrics(), connector: KVConnectorKind = .nixlv2,
    encode: EncodeConnectorKind? = nil
  ) -> ProxyShared {
    ProxyShared(
      targets: AllowedTargets(targets), resolve: { _ in [] }, buffers: BufferBudget(bytes: buffers),
      metrics: ProxyMetrics(metrics, connector, encode),
      logger: Logger(label: "tests") { _ in SwiftLogNoOpLogHandler() })
  }
}
