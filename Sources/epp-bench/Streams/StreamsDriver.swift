import EPPCore
import NIOCore

/// Opens many streams, sends events on each at a fixed rate, measures the server, and closes the streams. Use it on its event
/// loop only.
final class StreamsDriver: ExchangePoolDelegate {
  private enum Phase { case connecting, opening, settling, measuring, closing, finished }

  private struct Stream {
    var isRouted = false
    var isClosing = false
    /// When the oldest event was sent that has not come back; later events follow at the interval.
    var oldestSent = NIODeadline.now()
    var unansweredBytes = 0
  }

  /// Length of a step. Streams whose events are due in one step get them together. A step is so short that most have one event,
  /// because events that arrive together cost the server less, but not shorter than timers can keep.
  private let step: TimeAmount
  private static let shortestStep = 50e-6
  private static let longestStep = 5e-3

  private let settings: StreamsSettings
  private let plan: ExchangePlan
  private let eventLoop: any EventLoop
  private let promise: EventLoopPromise<StreamsResult>
  private let stepsPerEvent: Int
  private var pool: ExchangePool?
  private var phase = Phase.connecting
  private var streams: [Int: Stream] = [:]
  private var routed = 0
  private var opened = 0
  private var stepCount = 0
  private var phaseStart = NIODeadline.now()
  private var before: ProcessSample?
  private var firstSample: CostSample?
  private var result: StreamsResult?
  private var chunks: UInt64 = 0
  private var echo = LatencyHistogram()
  private var completed = 0
  private var failures: [ExchangeFailure: UInt64] = [:]

  private init(settings: StreamsSettings, plan: ExchangePlan, eventLoop: any EventLoop) {
    self.settings = settings
    self.plan = plan
    self.eventLoop = eventLoop
    promise = eventLoop.makePromise()
    let interval = 1 / settings.eventsPerSecond
    let seconds = min(Self.longestStep, max(Self.shortestStep, interval / Double(settings.count)))
    stepsPerEvent = max(1, Int((interval / seconds).rounded()))
    step = .nanoseconds(Int64(interval / Double(stepsPerEvent) * 1e9))
  }

  /// Runs once. Must be called on `eventLoop`. The future fails when the server cannot be reached or closes a connection.
  static func run(
    settings: StreamsSettings, plan: ExchangePlan, on eventLoop: any EventLoop
  ) -> EventLoopFuture<StreamsResult> {
    let driver = StreamsDriver(settings: settings, plan: plan, eventLoop: eventLoop)
    driver.start()
    let bound = NIOLoopBound(driver, eventLoop: eventLoop)
    return driver.promise.futureResult.always { _ in bound.value.pool?.close() }
  }

  private func start() {
    let pool = ExchangePool(plan: plan, delegate: self, eventLoop: eventLoop)
    self.pool = pool
    pool.connect().assumeIsolated().whenComplete { result in
      switch result {
      case .success: self.begin()
      case .failure(let error): self.fail(BenchError("cannot connect to \(self.plan.address): \(error)"))
      }
    }
  }

  private func begin() {
    guard phase == .connecting else { return }
    do { before = try settings.serverID.map(ProcessSample.init(processID:)) } catch { return fail(error) }
    enter(.opening)
    takeStep(due: NIODeadline.now())
  }

  private func enter(_ phase: Phase) {
    self.phase = phase
    phaseStart = NIODeadline.now()
  }

  private var secondsInPhase: Double { Double((NIODeadline.now() - phaseStart).nanoseconds) / 1e9 }

  private func fail(_ error: any Error) {
    guard phase != .finished else { return }
    phase = .finished
    promise.fail(error)
  }

  // MARK: Steps

  private func takeStep(due: NIODeadline) {
    guard phase != .finished else { return }
    switch phase {
    case .opening: openMore()
    case .settling: if secondsInPhase >= settings.settle { beginMeasuring() }
    case .measuring: if secondsInPhase >= settings.duration { endMeasuring() }
    case .closing: closeMore()
    case .connecting, .finished: break
    }
    sendEvents()
    pool?.flush()
    stepCount += 1
    let next = due + step
    eventLoop.assumeIsolated().scheduleTask(deadline: next) { self.takeStep(due: next) }
  }

  private func openMore() {
    guard let pool else { return }
    let due = min(settings.count, Int(secondsInPhase * settings.openRate))
    while opened < due {
      let connection = pool.connections[opened % pool.connections.count]
      guard connection.canOpen else { break }
      pool.begin(on: connection, intended: NIODeadline.now())
      opened += 1
    }
    let failed = Int(failures.values.reduce(0, +))
    if opened == settings.count, routed + failed >= opened { enter(.settling) }
    // Twice the planned time and ten seconds more: the server takes no more streams, or no longer answers.
    if secondsInPhase > 2 * Double(settings.count) / settings.openRate + 10 {
      fail(BenchError("only \(routed) of \(settings.count) streams could be opened"))
    }
  }

  private func beginMeasuring() {
    do { firstSample = try CostSample(serverID: settings.serverID) } catch { return fail(error) }
    chunks = 0
    echo = LatencyHistogram()
    enter(.measuring)
  }

  private func endMeasuring() {
    guard let firstSample else { return }
    do {
      result = StreamsResult(
        residentBefore: before?.residentBytes,
        cost: try CostSample(serverID: settings.serverID).cost(since: firstSample),
        open: pool?.openCount ?? 0, chunks: chunks,
        unanswered: streams.values.reduce(0) { $0 + $1.unansweredBytes } / plan.response.chunkBytes, echo: echo,
        completed: 0, failures: [:])
    } catch { return fail(error) }
    enter(.closing)
  }

  private func closeMore() {
    let due = Int(step.seconds * settings.openRate) + 1
    for slot in streams.filter({ !$0.value.isClosing }).keys.prefix(due) {
      streams[slot]?.isClosing = true
      pool?.sendChunk(slot: slot, isLast: true)
    }
    guard pool?.openCount == 0 || secondsInPhase > Double(settings.count) / settings.openRate + 10 else { return }
    guard var result else { return }
    phase = .finished
    result.completed = completed
    result.failures = failures
    promise.succeed(result)
  }

  private func sendEvents() {
    guard phase != .closing else { return }
    let turn = stepCount % stepsPerEvent
    var slot = turn
    while slot < settings.count {
      if streams[slot]?.isRouted == true {
        if streams[slot]?.unansweredBytes == 0 { streams[slot]?.oldestSent = NIODeadline.now() }
        streams[slot]?.unansweredBytes += plan.response.chunkBytes
        pool?.sendChunk(slot: slot, isLast: false)
      }
      slot += stepsPerEvent
    }
  }

  // MARK: ExchangePoolDelegate

  func routed(slot: Int) {
    streams[slot] = Stream(isRouted: true)
    routed += 1
  }

  func echoed(slot: Int, bytes: Int) {
    guard phase != .closing, var stream = streams[slot] else { return }
    let chunkBytes = plan.response.chunkBytes
    let answered = (stream.unansweredBytes + chunkBytes - 1) / chunkBytes
    stream.unansweredBytes = max(0, stream.unansweredBytes - bytes)
    // One answer may hold several events, or a part of one.
    for _ in 0..<max(0, answered - (stream.unansweredBytes + chunkBytes - 1) / chunkBytes) {
      if phase == .measuring {
        chunks += 1
        echo.record(nanoseconds: (NIODeadline.now() - stream.oldestSent).nanoseconds)
      }
      stream.oldestSent = stream.oldestSent + .nanoseconds(step.nanoseconds * Int64(stepsPerEvent))
    }
    streams[slot] = stream
  }

  func ended(slot: Int, _ record: ExchangeRecord, _ outcome: Exchange.Outcome, on connection: GRPCConnection) {
    streams[slot] = nil
    switch outcome {
    case .completed where phase == .closing: completed += 1
    case .completed, .leftEarly: failures[.grpcStatus(0), default: 0] += 1
    case .failed(let failure): failures[failure, default: 0] += 1
    }
  }

  func lost(_ connection: GRPCConnection) {
    guard phase != .finished else { return }
    fail(
      BenchError(
        "the server at \(plan.address) closed a connection with \(routed) streams open: \(connection.closeReason)"))
  }
}

extension TimeAmount {
  fileprivate var seconds: Double { Double(nanoseconds) / 1e9 }
}
