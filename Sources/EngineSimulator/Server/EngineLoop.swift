import EPPCore
import Glibc
import NIOCore

/// Receives the tokens of a generation request.
protocol TokenReceiver: AnyObject {
  /// Handles a token of a choice. `finish` is not nil for the last token.
  func receive(choice: Int, token: UInt32, usage: TokenUsage, finish: SimulatedRequest.FinishReason?)

  /// Handles the member `kv_transfer_params` of the response, before the last token.
  func receive(transferParameters: String)

  /// Handles an error that ends the response.
  func fail(_ error: APIError)
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
  var engine: SimulatedEngine
  /// The models that are served.
  var models: ServedModels
  /// Publishes KV events; nil when they are turned off.
  let publisher: KVEventPublisher?
  /// The current fault.
  private(set) var fault = EngineFault.none
  /// The address on which the engine listens; nil before its port is open.
  var address: EndpointAddress?
  /// The latest requests.
  var requests = RequestLog()
  /// Sends blocks to other engines; nil on an engine that does not.
  private(set) var sender: BlockSender?
  /// Loads blocks of other engines; nil on an engine that does not.
  private(set) var loader: BlockLoader?
  /// The names under which the blocks of running requests are going to be offered.
  var offers: [SimulatedRequestID: String] = [:]
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
    if let transfer = options.kvTransfer {
      sender = BlockSender(transfer, engine: self)
      loader = BlockLoader(transfer, engine: self)
    }
  }

  /// The current time on the engine's clock.
  static var now: MonotonicTime { MonotonicTime(nanoseconds: NIODeadline.now().uptimeNanoseconds) }

  /// The current time in seconds since 1970.
  var date: Int { startedAtDate + Int(Self.now.duration(since: startedAt).components.seconds) }

  /// Sends the value of `kv_transfer_params` to the receiver of a request.
  func tell(_ id: SimulatedRequestID, transferParameters: String) {
    receivers[id]?.receiver.receive(transferParameters: transferParameters)
  }

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
  ///   - name: The engine's name of the request.
  ///   - receiver: Gets the tokens.
  ///   - accepted: Called with the ids of all requests before the first token, which may be due at once.
  /// - Throws: `APIError`, and submits none of the requests, when one does not fit the context.
  func submit(
    _ request: GenerationRequest, adapter: LoadedAdapter?, name: String, receiver: any TokenReceiver,
    accepted: ([SimulatedRequestID]) -> Void
  ) throws(APIError) {
    // What falls due meanwhile is handed out in the end.
    var made: [SimulatedEngineAction] = []
    var submitted: [SimulatedRequestID] = []
    var loads: [(ids: [SimulatedRequestID], plan: TransferPlan)] = []
    for (position, prompt) in request.prompts.enumerated() {
      let first = submitted.count
      for answer in 0..<request.answersPerPrompt {
        nextRequest += 1
        let id = SimulatedRequestID(nextRequest)
        receivers[id] = (receiver, position * request.answersPerPrompt + answer)
        submitted.append(id)
        var simulated = simulated(request, id: id, prompt: prompt, adapter: adapter)
        planTransfer(of: request, position: position, isFirst: answer == 0, name: name, &simulated)
        made += engine.submit(simulated, at: Self.now)
        if case .reject(_, let reason)? = made.last {
          perform(made + withdraw(submitted))
          throw APIError(reason, limit: options.contextTokens)
        }
      }
      if let plan = request.transfer, position == 0 || plan.usesStorage {
        loads.append((Array(submitted[first...]), plan))
      }
    }
    accepted(submitted)
    perform(made)
    for (ids, plan) in loads { load(ids, plan) }
  }

  private func simulated(
    _ request: GenerationRequest, id: SimulatedRequestID, prompt: [UInt32], adapter: LoadedAdapter?
  ) -> SimulatedRequest {
    var output = request.maximumOutputTokens
    if output == nil, request.api == .completions { output = GenerationRequest.completionTokens }
    if request.transfer?.isPrefillOnly == true { output = 1 }
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
    endTransfers(of: requests)
    return made
  }

  /// Clears the prefix cache. Returns false, and changes nothing, while a request runs.
  func resetPrefixCache() -> Bool { engine.resetPrefixCache() }

  /// Performs actions of the engine, and sets the timer.
  func perform(_ made: [SimulatedEngineAction]) {
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
      case .hold(let id, let blocks, let prompt): offer(id, blocks, prompt)
      case .store(let prompt): loader?.store(prompt)
      case .fail(let id): receivers.removeValue(forKey: id)?.receiver.fail(.loadFailed)
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
    let heldAnswers = fault.holdsAnswers
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
    // Work whose reason to wait goes on is held again.
    if heldAnswers {
      let waiting = held
      held.removeAll()
      for work in waiting.values { work() }
    }
  }

  /// Calls `work` after the fault that holds answers; replaces an earlier `work` of the connection.
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
    sender?.stop()
    loader?.stop()
  }
}
