import EPPCore
import Glibc
import NIOCore

/// Receives the tokens of a generation request.
protocol TokenReceiver: AnyObject {
  /// Handles a token of a choice. `finish` is not nil for the last token.
  func receive(choice: Int, token: UInt32, usage: TokenUsage, finish: SimulatedRequest.FinishReason?)
}

/// Runs one simulated engine on one event loop: advances its time, passes its tokens to receivers, and simulates its faults.
///
/// Use it on `eventLoop` only. It has one timer for all requests.
final class EngineLoop {
  /// The event loop of the engine.
  let eventLoop: any EventLoop
  /// The engine's options.
  let options: EngineOptions
  /// The engine.
  private(set) var engine: SimulatedEngine
  /// The models that are served.
  var models: ServedModels
  /// Publishes KV events; nil when they are turned off.
  let publisher: KVEventPublisher?
  /// The current fault.
  private(set) var fault = EngineFault.none
  /// Called after every change of the fault.
  var faultChanged: (EngineFault) -> Void = { _ in }

  private let page: MetricsPage
  private var pageText: [UInt8] = []
  private let startedAt: MonotonicTime
  /// The engine's start in seconds since 1970.
  private let startedAtDate: Int

  private var receivers: [SimulatedRequestID: (receiver: any TokenReceiver, choice: Int)] = [:]
  private var nextRequest: UInt64 = 0
  private var timer: (deadline: MonotonicTime, scheduled: Scheduled<Void>)?
  private var faultEnd: Scheduled<Void>?
  /// Requests of connections that are answered after the fault `hang`.
  private var held: [ObjectIdentifier: () -> Void] = [:]
  /// Actions to be performed, in order: performing one may close a connection, which adds others.
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

  /// The current time in seconds since 1970.
  var date: Int { startedAtDate + Int(Self.now.duration(since: startedAt).components.seconds) }

  /// Returns the current text of `/metrics`.
  func metrics() -> [UInt8] {
    perform(engine.advance(to: Self.now))
    pageText.removeAll(keepingCapacity: true)
    page.write(engine, startedAt: startedAt, into: &pageText)
    return pageText
  }

  /// Submits one request to the engine for every answer to every prompt.
  ///
  /// - Parameters:
  ///   - receiver: Gets the tokens.
  ///   - accepted: Called with the ids of all requests before the first token, which may be due at once.
  /// - Throws: `APIError`, and submits none of the requests, when one does not fit the context.
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

  /// Removes requests whose client has left.
  func cancel(_ requests: [SimulatedRequestID]) { perform(withdraw(requests)) }

  /// Removes requests and their receivers, and returns the actions of the engine.
  private func withdraw(_ requests: [SimulatedRequestID]) -> [SimulatedEngineAction] {
    var made: [SimulatedEngineAction] = []
    for id in requests where receivers.removeValue(forKey: id) != nil { made += engine.cancel(id, at: Self.now) }
    return made
  }

  /// Clears the prefix cache. Returns false, and changes nothing, while a request runs.
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
  /// Sets the engine's fault.
  ///
  /// - Parameter duration: Time after which the fault ends; nil for a fault without end.
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

  /// Calls `work` after the fault `hang`; replaces an earlier `work` of the connection.
  func hold(_ connection: AnyObject, _ work: @escaping () -> Void) { held[ObjectIdentifier(connection)] = work }

  /// Drops the `work` of a connection that has closed.
  func unhold(_ connection: AnyObject) { held[ObjectIdentifier(connection)] = nil }

  /// Calls `work` after a delay, on the event loop.
  func schedule(in delay: Duration, _ work: @escaping () -> Void) {
    eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(delay), work)
  }

  /// Cancels all timers. The engine must not be used afterwards.
  func stop() {
    timer?.scheduled.cancel()
    timer = nil
    faultEnd?.cancel()
    faultEnd = nil
  }
}
