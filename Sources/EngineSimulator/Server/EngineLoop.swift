import EPPCore
import Glibc
import NIOCore

/// Whoever waits for the tokens of a request.
protocol TokenReceiver: AnyObject {
  /// A token has come; with the last one comes the reason of the end.
  func receive(choice: Int, token: UInt32, usage: TokenUsage, finish: SimulatedRequest.FinishReason?)
}

/// Owns one simulated engine on one event loop: gives it the time, hands its tokens out, and plays its faults.
///
/// Everything here happens on `eventLoop`. One timer serves the engine, however many requests it has.
final class EngineLoop {
  let eventLoop: any EventLoop
  let options: EngineOptions
  private(set) var engine: SimulatedEngine
  var models: ServedModels
  /// Nil when no events are asked for.
  let publisher: KVEventPublisher?
  private(set) var fault = EngineFault.none
  /// Told of every change of the fault, after it has been made.
  var faultChanged: (EngineFault) -> Void = { _ in }

  private let page: MetricsPage
  private var pageText: [UInt8] = []
  private let startedAt: MonotonicTime
  /// Seconds since 1970.
  private let startedAtDate: Int

  private var receivers: [SimulatedRequestID: (receiver: any TokenReceiver, choice: Int)] = [:]
  private var nextRequest: UInt64 = 0
  private var timer: (deadline: MonotonicTime, scheduled: Scheduled<Void>)?
  private var faultEnd: Scheduled<Void>?
  /// What connections want done when the engine no longer hangs.
  private var held: [ObjectIdentifier: () -> Void] = [:]
  /// Actions that wait for those before them: performing one may, by way of a closed connection, make others.
  private var actions: [SimulatedEngineAction] = []
  private var isPerforming = false

  init(options: EngineOptions, eventLoop: any EventLoop, publisher: KVEventPublisher?) {
    self.options = options
    self.eventLoop = eventLoop
    self.publisher = publisher
    engine = SimulatedEngine(options: options)
    models = ServedModels(options: options)
    startedAtDate = time(nil)
    startedAt = Self.now
    page = MetricsPage(options: options, startedAt: Double(startedAtDate))
  }

  private static var now: MonotonicTime { MonotonicTime(nanoseconds: NIODeadline.now().uptimeNanoseconds) }

  /// Seconds since 1970.
  var date: Int { startedAtDate + Int(Self.now.duration(since: startedAt).components.seconds) }

  /// The text of `/metrics` as of now.
  func metrics() -> [UInt8] {
    perform(engine.advance(to: Self.now))
    pageText.removeAll(keepingCapacity: true)
    page.write(engine, startedAt: startedAt, into: &pageText)
    return pageText
  }

  /// Gives the engine one request for every answer to every prompt; the receiver hears of their tokens. Throws, and
  /// leaves none of them behind, when one does not fit.
  ///
  /// - Parameter accepted: called before the receiver hears of the first token: it may be due at once.
  func submit(
    _ request: GenerationRequest, adapter: LoadedAdapter?, receiver: any TokenReceiver,
    accepted: ([SimulatedRequestID]) -> Void
  ) throws(APIError) {
    // What falls due meanwhile is handed out in the end.
    var made: [SimulatedEngineAction] = []
    var submitted: [SimulatedRequestID] = []
    for (position, prompt) in request.prompts.enumerated() {
      for answer in 0..<request.answersPerPrompt {
        nextRequest += 1
        let id = SimulatedRequestID(nextRequest)
        receivers[id] = (receiver, position * request.answersPerPrompt + answer)
        submitted.append(id)
        made += engine.submit(simulated(request, id: id, prompt: prompt, adapter: adapter), at: Self.now)
        if case .reject(_, let reason)? = made.last {
          perform(made + withdraw(submitted))
          throw APIError(reason, limit: options.contextTokens)
        }
      }
    }
    accepted(submitted)
    perform(made)
  }

  private func simulated(
    _ request: GenerationRequest, id: SimulatedRequestID, prompt: [UInt32], adapter: LoadedAdapter?
  ) -> SimulatedRequest {
    var output = request.maximumOutputTokens
    if output == nil, request.api == .completions { output = GenerationRequest.completionTokens }
    let room = max(1, options.contextTokens - prompt.count)
    return SimulatedRequest(
      id: id, prompt: prompt, outputTokens: output ?? min(options.defaultOutputTokens, room),
      finishReason: output == nil ? .stop : .length,
      namespace: CacheNamespace(adapter: adapter, salt: request.cacheSalt), sessionID: request.sessionID)
  }

  /// Forgets requests whose client has left.
  func cancel(_ requests: [SimulatedRequestID]) { perform(withdraw(requests)) }

  /// Takes requests back; their receivers hear nothing of what this makes.
  private func withdraw(_ requests: [SimulatedRequestID]) -> [SimulatedEngineAction] {
    var made: [SimulatedEngineAction] = []
    for id in requests where receivers.removeValue(forKey: id) != nil { made += engine.cancel(id, at: Self.now) }
    return made
  }

  /// Forgets the prefix cache; false while a request runs.
  func resetPrefixCache() -> Bool { engine.resetPrefixCache() }

  private func perform(_ made: [SimulatedEngineAction]) {
    actions.append(contentsOf: made)
    if isPerforming { return }
    isPerforming = true
    defer { isPerforming = false }
    var next = 0
    while next < actions.count {
      switch actions[next] {
      case .emit(let id, let token, let usage, let finish):
        let waiting = finish == nil ? receivers[id] : receivers.removeValue(forKey: id)
        waiting?.receiver.receive(choice: waiting?.choice ?? 0, token: token, usage: usage, finish: finish)
      case .publish(let events): publisher?.publish(events)
      case .reject: break
      }
      next += 1
    }
    actions.removeAll(keepingCapacity: true)
    setTimer()
  }

  private func setTimer() {
    let deadline = engine.nextDeadline
    if timer?.deadline == deadline { return }
    timer?.scheduled.cancel()
    timer = deadline.map { deadline in
      let scheduled = eventLoop.assumeIsolated().scheduleTask(
        deadline: .uptimeNanoseconds(deadline.nanoseconds)
      ) {
        self.timer = nil
        self.perform(self.engine.advance(to: Self.now))
      }
      return (deadline, scheduled)
    }
  }
}

extension EngineLoop {
  /// Changes what is wrong with the engine; with a duration, nothing is wrong after it.
  func setFault(_ next: EngineFault, for duration: Duration? = nil) {
    faultEnd?.cancel()
    faultEnd = duration.map { duration in
      eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(duration)) { self.setFault(.none) }
    }
    let wasHanging = fault == .hang
    fault = next
    publisher?.setHanging(next == .hang)
    engine.setSlowness(next.slowness)
    if next == .hang {
      perform(engine.suspend(at: Self.now))
    } else if wasHanging {
      engine.resume(at: Self.now)
    }
    setTimer()
    faultChanged(next)
    if wasHanging, next != .hang {
      let waiting = held
      held.removeAll()
      for work in waiting.values { work() }
    }
  }

  /// Has a connection's request wait until the engine no longer hangs.
  func hold(_ connection: AnyObject, _ work: @escaping () -> Void) { held[ObjectIdentifier(connection)] = work }

  /// Forgets what a connection that has gone wanted done.
  func unhold(_ connection: AnyObject) { held[ObjectIdentifier(connection)] = nil }

  /// Does something later, on the event loop.
  func schedule(in delay: Duration, _ work: @escaping () -> Void) {
    eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(delay), work)
  }

  /// Ends every timer: the engine will not be used any more.
  func stop() {
    timer?.scheduled.cancel()
    timer = nil
    faultEnd?.cancel()
    faultEnd = nil
  }
}
