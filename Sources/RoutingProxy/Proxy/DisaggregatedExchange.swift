import EPPCore
import EPPMetrics
import EPPRequests
import EPPTracing
import Logging
import NIOCore
import NIOHTTP1

/// A request whose prompt a prefill engine computes: collects its body, carries out what `DisaggregatedRequest` says, and sends the decode
/// engine's answer on.
final class DisaggregatedExchange: ClientExchange {
  private enum State {
    /// The body or the targets' addresses are not there yet.
    case collecting(isComplete: Bool)
    /// Other engines encode the media.
    case encoding(EncodeStage, since: MonotonicTime)
    case running(DisaggregatedRequest)
    case ended
  }

  private let proxy: ProxyLoop
  private let plan: DisaggregationPlan
  private let request: ClientRequest
  private unowned let client: any ExchangeClient
  private let id = RequestID.random()
  private var state = State.collecting(isComplete: false)
  /// Targets whose addresses are not known yet.
  private var unresolved = 0
  private var prefiller = EndpointAddress(host: "", port: 0)
  private var encoders: [EndpointAddress] = []
  private var source: KVTransfer.Source?
  private var body = ByteBuffer()
  private var taken = 0
  /// Requests to encode engines by the positions of their items.
  private var encodes: [Int: CollectedLeg] = [:]
  private var prefill: CollectedLeg?
  private var decode: DecodeLeg?
  private var pause: Scheduled<Void>?

  /// Memory of a collected body: the client's, and those of the two engines' requests.
  private static let copies = 3

  /// - Parameter client: Outlives the exchange's run.
  init(_ proxy: ProxyLoop, _ plan: DisaggregationPlan, _ request: ClientRequest, _ client: any ExchangeClient) {
    self.proxy = proxy
    self.plan = plan
    self.request = request
    self.client = client
  }

  private var settings: DisaggregationSettings { proxy.settings.disaggregation }
  private var counts: ConnectorMetrics { proxy.shared.metrics.connector }

  // MARK: - The client

  let mayRead = true

  func start() {
    unresolved = plan.encoders.count + (plan.prefiller == nil ? 0 : 1) + (plan.source == nil ? 0 : 1)
    if let target = plan.prefiller {
      resolve(target) { [self] address in
        switch address {
        case .success(let address): prefiller = address
        case .failure(.refused): fail(.forbiddenTarget)
        case .failure(.busy): fail(.noResolver)
        }
      }
    }
    // Others that are not allowed are left out: the engine that computes the prompt encodes as well, and computes what it cannot fetch.
    for target in plan.encoders {
      resolve(target) { [self] in if let address = try? $0.get() { encoders.append(address) } }
    }
    if let target = plan.source {
      resolve(target) { [self] in if let address = try? $0.get() { fetch(from: address) } }
    }
  }

  /// The engine that computes the prompt is told to fetch blocks, unless it is the one that holds them.
  private func fetch(from engine: EndpointAddress) {
    guard plan.prefiller?.endpoint != plan.source?.endpoint else { return }
    let tier = EndpointAddress(host: engine.host, port: settings.ports.peerToPeer(of: engine))
    source = KVTransfer.Source(id: RequestID.random(), tier: tier)
  }

  /// Finds the address of a target.
  private func resolve(
    _ target: NamedTarget, _ done: @escaping (Result<EndpointAddress, ProxyLoop.TargetProblem>) -> Void
  ) {
    proxy.address(of: target) { [self] result in
      guard case .collecting = state else { return }
      unresolved -= 1
      if case .failure(.refused(let refusal)) = result {
        proxy.shared.metrics.refused(refusal)
        proxy.warn(.refusedTarget, ["target": "\(target.endpoint)", "reason": "\(refusal.rawValue)"])
      }
      done(result.map { EndpointAddress(host: "\($0)", port: target.endpoint.port) })
      beginWhenReady()
    }
  }

  func add(_ bytes: ByteBuffer) {
    guard case .collecting = state else { return }
    let amount = bytes.readableBytes * Self.copies
    guard proxy.shared.buffers.take(amount) else { return fail(.noMemory) }
    taken += amount
    var bytes = bytes
    body.writeBuffer(&bytes)
  }

  func complete() {
    guard case .collecting = state else { return }
    state = .collecting(isComplete: true)
    beginWhenReady()
  }

  func flush() {}

  func clientWritabilityChanged(_ isWritable: Bool) { decode?.mayRead = isWritable }

  func cancel() {
    if case .running(var machine) = state {
      let actions = machine.clientGone()
      state = .running(machine)
      perform(actions)
    }
    end()
  }

  private func fail(_ fault: ProxyFault) {
    end()
    client.fail(fault)
  }

  private func end() {
    state = .ended
    pause?.cancel()
    pause = nil
    for leg in encodes.values { leg.cancel() }
    encodes = [:]
    proxy.shared.buffers.give(taken)
    taken = 0
    body = ByteBuffer()
  }

  // MARK: - Steps

  private func beginWhenReady() {
    guard case .collecting(true) = state, unresolved == 0 else { return }
    let bytes = Array(body.readableBytesView)
    body = ByteBuffer()
    do {
      if let connector = settings.encodeConnector, !encoders.isEmpty,
        var stage = try EncodeStage(bytes, connector, engines: encoders.count)
      {
        let asks = stage.start()
        state = .encoding(stage, since: proxy.now)
        return asks.forEach(encode)
      }
      try run(bytes)
    } catch EncodeStage.Problem.tooManyItems {
      fail(.tooManyMedia)
    } catch {
      fail(.noObject)
    }
  }

  private func encode(_ ask: EncodeStage.Ask) {
    guard case .encoding = state else { return }
    guard proxy.shared.buffers.take(ask.body.count) else { return fail(.noMemory) }
    taken += ask.body.count
    var head = head(of: DisaggregatedRequest.Ask(body: ask.body))
    head.headers.replaceOrAdd(name: HeaderName.requestID, value: "\(id)-enc-\(ask.item)")
    let span = request.trace?.child(.encode, at: encoders[ask.engine], &head)
    let leg = CollectedLeg(
      proxy, EngineOrigin(.encoder, encoders[ask.engine]), head, ByteBuffer(bytes: ask.body), settings.prefillTimeout)
    encodes[ask.item] = leg
    leg.start { [self] answer in
      span?.end(answer)
      encoded(ask.item, ask.body.count, answer)
    }
  }

  private func encoded(_ item: Int, _ bytes: Int, _ answer: CollectedLeg.Answer?) {
    guard case .encoding(var stage, let start) = state else { return }
    encodes[item] = nil
    taken -= bytes
    proxy.shared.buffers.give(bytes)
    let body = answer.flatMap { $0.isSuccess ? $0.body : nil }
    if body == nil { proxy.shared.metrics.encode?.errors.increment() }
    let step = stage.ended(body?.readableBytesSpan)
    state = .encoding(stage, since: start)
    switch step {
    case .ask(let ask): return encode(ask)
    case .wait: return
    case .complete: break
    }
    proxy.shared.metrics.encode?.duration.observe(from: start, to: proxy.now)
    if stage.failures > 0, settings.failure == .error { return fail(.noEncoding) }
    do { try run(stage.encodedBody) } catch { fail(.noObject) }
  }

  private func run(_ body: [UInt8]) throws(JSONError) {
    var transfer = KVTransfer(id: id, prefill: prefiller, room: Int64.random(in: 0...Int64.max))
    transfer.source = source
    let connector: any KVConnector =
      plan.prefiller == nil ? LocalPrefill() : settings.connector.connector(settings.ports)
    var machine = try DisaggregatedRequest(
      body, plan.api, connector, transfer, retries: settings.retries, failure: settings.failure)
    if plan.prefiller != nil { counts.requests.increment() }
    let actions = machine.start()
    state = .running(machine)
    perform(actions)
  }

  private func advance(_ event: (inout DisaggregatedRequest) -> [DisaggregatedRequest.Action]) {
    guard case .running(var machine) = state else { return }
    let actions = event(&machine)
    state = .running(machine)
    perform(actions)
  }

  private func perform(_ actions: [DisaggregatedRequest.Action]) {
    for action in actions {
      guard case .running = state else { return }
      switch action {
      case .askBootstrap: askBootstrap()
      case .askPrefill(let ask): askPrefill(ask)
      case .askDecode(let ask, let cachedTokens):
        askDecode(ask, cachedTokens.map { .correct(CachedTokensEdit(cachedTokens: $0)) } ?? .pass)
      case .tryDecode(let ask): askDecode(ask, .hold)
      case .releaseDecode: decode?.release()
      case .cancel(.prefill): prefill?.cancel()
      case .cancel(.decode): decode?.cancel()
      case .wait(let time): wait(time)
      case .answerWithPrefill: answerWithPrefill()
      case .answerUnreachable: fail(.noPrefill(prefiller))
      case .countFallback: countFallback()
      }
    }
  }

  private func askBootstrap() {
    let address = EndpointAddress(host: prefiller.host, port: settings.ports.mooncakeBootstrap)
    let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: "/query", headers: ["host": "\(address)"])
    let leg = CollectedLeg(proxy, EngineOrigin(.prefiller, address), head, ByteBuffer(), .seconds(5))
    prefill = leg
    leg.start { [self] answer in
      let engines = answer.map { $0.isSuccess ? MooncakeConnector.engines($0.body.readableBytesSpan) : [] }
      advance { $0.bootstrapAnswered(engines?.randomElement()) }
    }
  }

  private func askPrefill(_ ask: DisaggregatedRequest.Ask) {
    var head = head(of: ask)
    let span = request.trace?.child(.prefill, at: prefiller, &head)
    let leg = CollectedLeg(
      proxy, EngineOrigin(.prefiller, prefiller), head, ByteBuffer(bytes: ask.body), settings.prefillTimeout)
    prefill = leg
    let start = proxy.now
    leg.start { [self] answer in
      span?.end(answer)
      counts.prefillDuration.observe(from: start, to: proxy.now)
      if answer?.isSuccess != true { counts.prefillErrors.increment() }
      let (status, body) = (answer.map { Int($0.head.status.code) }, answer?.body ?? ByteBuffer())
      advance { $0.prefillEnded(status: status, body.readableBytesSpan) }
    }
  }

  private func askDecode(_ ask: DisaggregatedRequest.Ask, _ mode: DecodeLeg.Mode) {
    var head = head(of: ask)
    let span = request.trace?.child(.decode, at: plan.decoder, &head)
    let leg = DecodeLeg(
      EngineLegParts(proxy.pool, EngineOrigin(.decoder, plan.decoder), head, ByteBuffer(bytes: ask.body)),
      mode,
      hasBody: { [request] in request.hasAnswerBody($0) }, client)
    decode = leg
    let start = proxy.now
    leg.start { [self] event in
      switch event {
      case .began:
        advance { machine in
          machine.decodeBegan(); return []
        }
      case .tried(let isBelow): advance { $0.tried(isBelowThreshold: isBelow) }
      case .ended(let isSuccess):
        span?.end(failure: isSuccess ? nil : "the decode engine did not answer the request")
        counts.decodeDuration.observe(from: start, to: proxy.now)
        if !isSuccess { counts.decodeErrors.increment() }
        advance { machine in
          machine.decodeEnded(); return []
        }
        end()
      }
    }
  }

  /// The head of a request to an engine: the client's, with what the connector writes.
  private func head(of ask: DisaggregatedRequest.Ask) -> HTTPRequestHead {
    var head = request.head
    head.headers.remove(name: "transfer-encoding")
    // Answers are read here.
    head.headers.remove(name: "accept-encoding")
    head.headers.replaceOrAdd(name: "content-length", value: String(ask.body.count))
    for field in ask.headers { head.headers.replaceOrAdd(name: field.name, value: field.value) }
    return head
  }

  private func wait(_ time: Duration) {
    let bound = NIOLoopBound(self, eventLoop: proxy.loop)
    pause = proxy.loop.scheduleTask(in: TimeAmount(time)) { bound.value.advance { $0.waited() } }
  }

  private func answerWithPrefill() {
    guard let answer = prefill?.answer else { return fail(.noPrefill(prefiller)) }
    end()
    client.answer(ForwardedHead.response(answer.head, body: .bytes(answer.body.readableBytes)))
    client.answer(answer.body)
    client.endAnswer(nil)
  }

  private func countFallback() {
    counts.fallbacks.increment()
    proxy.warn(
      .fallback,
      ["prefiller": "\(prefiller)", "status": "\(prefill?.answer.map { "\($0.head.status.code)" } ?? "none")"])
  }
}
