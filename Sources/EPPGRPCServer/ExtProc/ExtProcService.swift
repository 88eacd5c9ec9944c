import EPPExtProc

/// The services of the ext_proc port on one thread: `envoy.service.ext_proc.v3.ExternalProcessor` and the health service. Holds
/// the codec that all calls of the thread share.
final class ExtProcService: CallHandlerFactory {
  /// The path of the only ext_proc method.
  static let method = "/envoy.service.ext_proc.v3.ExternalProcessor/Process"

  /// Decodes messages, with the headers that the current configuration reads.
  private(set) var decoder: MessageDecoder
  /// The revision of the configuration that `decoder` was made from.
  private var revision: UInt64
  /// Encodes replies.
  var encoder = ProcessingResponseEncoder()
  private let worker: ExtProcWorker
  private let health: HealthService
  /// Buffer in which a message of several slices is joined for the decoder.
  private var joined: [UInt8] = []
  /// Bytes of `joined` that are kept between messages at most.
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
    let session = worker.makeSession(now: call.now) { call.metadata($0) }
    return ExtProcCall(call, service: self, session: session)
  }

  /// Makes a new decoder when the configuration has changed.
  func refresh() {
    let current = worker.configurationRevision
    guard revision != current else { return }
    revision = current
    decoder = Self.decoder(for: worker)
  }

  private static func decoder(for worker: ExtProcWorker) -> MessageDecoder {
    MessageDecoder(interest: HeaderInterest(additional: worker.keptHeaders))
  }

  /// Calls `body` with the bytes of a message in one piece.
  func withContiguousBytes<Result>(of message: borrowing SliceList, _ body: (RawSpan) -> Result) -> Result {
    // What one large message needed is given back.
    defer { if joined.capacity > Self.maximumKeptBytes { joined = [] } }
    return message.withContiguousBytes(&joined, body)
  }
}
