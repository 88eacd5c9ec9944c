import EPPExtProc

/// `envoy.service.ext_proc.v3.ExternalProcessor` on one thread, with the health service beside it: the codec that all
/// its calls share.
final class ExtProcService: CallHandlerFactory {
  static let method = "/envoy.service.ext_proc.v3.ExternalProcessor/Process"

  /// Keeps the headers that the configuration in force reads.
  private(set) var decoder: MessageDecoder
  /// The revision of the configuration that `decoder` was made from.
  private var revision: UInt64
  var encoder = ProcessingResponseEncoder()
  private let worker: ExtProcWorker
  private let health: HealthService
  /// Where a message in several slices is joined for its decoder.
  private var joined: [UInt8] = []
  private static let maximumKeptBytes = 1 << 20

  init(_ settings: ExtProcSettings, health: HealthState) {
    worker = ExtProcWorker(settings)
    revision = worker.configurationRevision
    decoder = Self.decoder(for: worker)
    self.health = HealthService(health: health)
  }

  func makeHandler(method: String, call: ServerCall) -> (any CallHandler)? {
    guard method == Self.method else { return health.makeHandler(method: method, call: call) }
    refresh()
    return ExtProcCall(call, service: self, session: worker.makeSession(now: call.now))
  }

  /// Takes up a new configuration.
  func refresh() {
    let current = worker.configurationRevision
    guard revision != current else { return }
    revision = current
    decoder = Self.decoder(for: worker)
  }

  private static func decoder(for worker: ExtProcWorker) -> MessageDecoder {
    MessageDecoder(interest: HeaderInterest(additional: worker.keptHeaders))
  }

  /// Calls `body` with a message in one piece.
  func withContiguousBytes<Result>(of message: borrowing SliceList, _ body: (RawSpan) -> Result) -> Result {
    // What one large message needed is given back.
    defer { if joined.capacity > Self.maximumKeptBytes { joined = [] } }
    return message.withContiguousBytes(&joined, body)
  }
}
