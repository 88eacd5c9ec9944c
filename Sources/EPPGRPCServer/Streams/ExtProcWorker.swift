import CGRPCShim
import EPPCore
import EPPExtProc
import EPPRouting

/// What the ext_proc streams of one worker thread share: decoders, buffers, deadlines.
final class ExtProcWorker: CallHandlerFactory {
  static let method = "/envoy.service.ext_proc.v3.ExternalProcessor/Process"

  let settings: ExtProcSettings
  let decoder: MessageDecoder
  var encoder = ProcessingResponseEncoder()
  /// Where a message in several slices is joined for its decoder.
  private var joined: [UInt8] = []
  var scratch: RoutingScratch
  private var deadlines = DeadlineList()
  private let deadline: UInt64
  /// Streams that wait for the token ids of their requests.
  private var waits = DeadlineList()
  private let tokenDeadline: UInt64
  private let health: HealthService
  private let warnings: Warnings
  private var streamCount: UInt64 = 0

  /// What is said once in the life of the process, by whichever worker meets it first.
  struct Warnings: Sendable {
    let promptsUnseen = OneTimeWarning(
      "the gateway's request_body_mode keeps prompts from the picker until it is too late (NONE or STREAMED): requests "
        + "are routed from their headers alone, without prefix affinity; set FULL_DUPLEX_STREAMED or BUFFERED")
    let answersUnseen = OneTimeWarning(
      "the gateway's response_body_mode keeps answers from the picker (NONE): answers to requests whose model was rewritten "
        + "name the rewritten model, not the client's; set FULL_DUPLEX_STREAMED for the routes of such models")
  }

  init(settings: ExtProcSettings, health: HealthState, warnings: Warnings) {
    self.settings = settings
    self.health = HealthService(health: health)
    self.warnings = warnings
    decoder = MessageDecoder(interest: settings.interest)
    scratch = settings.pool.makeScratch()
    deadline = MonotonicTime(nanoseconds: 0).advanced(by: settings.requestDeadline).nanoseconds
    tokenDeadline = MonotonicTime(nanoseconds: 0).advanced(by: settings.tokenDeadline ?? .zero).nanoseconds
  }

  func makeHandler(method: String, call: ServerCall) -> (any CallHandler)? {
    guard method == Self.method else { return health.makeHandler(method: method, call: call) }
    streamCount &+= 1
    let seesResponse =
      switch settings.responseProcessing {
      case .full: true
      case .sampled: streamCount % ResponseProcessing.sampleInterval == 0
      case .none: false
      }
    return ExtProcStream(
      call: call, worker: self,
      machine: StreamStateMachine(limits: settings.limits, seesResponse: seesResponse))
  }

  /// Starts the clock of a stream that has sent its first message.
  func startDeadline(of stream: ExtProcStream, now: UInt64) -> DeadlineList.Entry {
    Self.add(stream, now, deadline, to: &deadlines)
  }

  func stopDeadline(_ entry: DeadlineList.Entry) { deadlines.remove(entry) }

  /// Starts the clock of a stream that waits for the token ids of its request.
  func startWait(of stream: ExtProcStream, now: UInt64) -> DeadlineList.Entry {
    Self.add(stream, now, tokenDeadline, to: &waits)
  }

  func stopWait(_ entry: DeadlineList.Entry) { waits.remove(entry) }

  private static func add(
    _ stream: ExtProcStream, _ now: UInt64, _ time: UInt64, to list: inout DeadlineList
  ) -> DeadlineList.Entry {
    let (deadline, overflow) = now.addingReportingOverflow(time)
    let entry = DeadlineList.Entry(deadline: overflow ? .max : deadline, stream: stream)
    list.append(entry)
    return entry
  }

  var nextDeadline: UInt64? {
    guard let wait = waits.first?.deadline else { return deadlines.first?.deadline }
    return deadlines.first.map { min(wait, $0.deadline) } ?? wait
  }

  func deadlinePassed(now: UInt64) {
    while let entry = deadlines.first, entry.deadline <= now {
      deadlines.remove(entry)
      entry.stream.deadlinePassed()
    }
    while let entry = waits.first, entry.deadline <= now {
      waits.remove(entry)
      entry.stream.waitPassed()
    }
  }

  func warnOfUnseenPrompts() { warnings.promptsUnseen.say(settings.logger) }

  func warnOfModelNames() { warnings.answersUnseen.say(settings.logger) }

  /// Calls `body` with a message in one piece.
  func withContiguousBytes<Result>(of message: borrowing SliceList, _ body: (RawSpan) -> Result) -> Result {
    // What one large message needed is given back.
    defer { if joined.capacity > Self.maximumKeptBytes { joined = [] } }
    return message.withContiguousBytes(&joined, body)
  }

  private static let maximumKeptBytes = 1 << 20
}
