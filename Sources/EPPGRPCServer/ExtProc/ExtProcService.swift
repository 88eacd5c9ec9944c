import EPPExtProc

/// `envoy.service.ext_proc.v3.ExternalProcessor` on one thread, with the health service beside it: the codec that all
/// its calls share.
final class ExtProcService: CallHandlerFactory {
  static let method = "/envoy.service.ext_proc.v3.ExternalProcessor/Process"

  let decoder: MessageDecoder
  var encoder = ProcessingResponseEncoder()
  private let worker: ExtProcWorker
  private let health: HealthService
  /// Where a message in several slices is joined for its decoder.
  private var joined: [UInt8] = []
  private static let maximumKeptBytes = 1 << 20

  init(_ settings: ExtProcSettings, interest: HeaderInterest, health: HealthState) {
    worker = ExtProcWorker(settings)
    decoder = MessageDecoder(interest: interest)
    self.health = HealthService(health: health)
  }

  func makeHandler(method: String, call: ServerCall) -> (any CallHandler)? {
    guard method == Self.method else { return health.makeHandler(method: method, call: call) }
    return ExtProcCall(call, service: self, session: worker.makeSession(now: call.now))
  }

  /// Calls `body` with a message in one piece.
  func withContiguousBytes<Result>(of message: borrowing SliceList, _ body: (RawSpan) -> Result) -> Result {
    // What one large message needed is given back.
    defer { if joined.capacity > Self.maximumKeptBytes { joined = [] } }
    return message.withContiguousBytes(&joined, body)
  }
}
