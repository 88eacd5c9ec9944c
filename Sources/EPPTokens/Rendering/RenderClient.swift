import AsyncHTTPClient
import EPPCore
import EPPRequests
import NIOCore
import NIOHTTP1
import Synchronization

/// Asks engines for the tokens of prompts, by HTTP. Any thread may use it.
final class RenderClient: Sendable {
  /// Why there are no tokens.
  enum Failure: Error, Equatable {
    /// No engine could be asked: the breakers of all are open, or their paths are known to be absent.
    case nobody
    /// The engine serves no path that returns tokens of the model.
    case absent
    /// The engine refused the request itself; another engine would refuse it too.
    case refused
    /// The engine did not answer in time, or answered with an error of its own.
    case failed
    /// The engine's answer has no token ids.
    case unreadable
  }

  private struct State {
    var breakers: [EndpointAddress: Breaker] = [:]
    var absent = AbsentPaths()
  }

  /// Breakers at most, including those of engines that have left the pool; at the limit all are dropped.
  private static let maximumEngines = 2 * EndpointSlot.capacity
  /// Engines that are asked about one prompt at most.
  private static let attempts = 2

  private let configuration: TokenSourceConfiguration
  private let client: HTTPClient
  private let refusals: RenderRefusals
  private let now: @Sendable () -> MonotonicTime
  private let state = Mutex(State())

  init(
    _ configuration: TokenSourceConfiguration, refusals: RenderRefusals, now: @escaping @Sendable () -> MonotonicTime
  ) {
    self.configuration = configuration
    self.refusals = refusals
    self.now = now
    var settings = HTTPClient.Configuration()
    settings.timeout.connect = .nanoseconds(configuration.connectTimeout.wholeNanoseconds)
    settings.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = configuration.maximumRenders
    // Engines close connections that have nothing to do after five seconds (vLLM's uvicorn): one that is closed just as it
    // is used again looks as if the engine had failed.
    settings.connectionPool.idleTimeout = .seconds(4)
    // Where no process listens the next engine is asked at once.
    settings.connectionPool.retryConnectionEstablishment = false
    settings.redirectConfiguration = .disallow
    client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: settings)
  }

  /// Closes all connections.
  func shutdown() async { try? await client.shutdown() }

  /// Returns the tokens of a prompt, from the first engine that gives them.
  ///
  /// - Parameters:
  ///   - body: The request's body.
  ///   - paths: Paths to try at each engine, in this order.
  ///   - engines: Engines in order of preference; two at most are asked.
  /// - Throws: The failure of the last engine that was asked; `nobody` when none was.
  func render(
    _ body: ByteBuffer, _ paths: [RenderPath], model: String, at engines: [EndpointAddress]
  ) async throws(Failure) -> [UInt32] {
    var last = Failure.nobody
    var attempts = 0
    for engine in engines where attempts < Self.attempts {
      guard let (paths, generation) = admitted(engine, paths, model) else { continue }
      attempts += 1
      do throws(Failure) {
        let ids = try await ask(engine, paths, body, model)
        change(engine) { $0.succeeded() }
        return ids
      } catch {
        last = error
        switch error {
        case .refused:
          change(engine) { $0.succeeded() }
          throw error
        case .absent: change(engine) { $0.succeeded() }
        case .nobody, .failed, .unreadable:
          let now = now()
          change(engine) { $0.failed(generation, now: now) }
        }
      }
    }
    throw last
  }

  /// Asks an engine on one path after the other, and remembers the paths that it does not serve.
  private func ask(
    _ engine: EndpointAddress, _ paths: [RenderPath], _ body: ByteBuffer, _ model: String
  ) async throws(Failure) -> [UInt32] {
    var refused: (path: RenderPath, answer: RenderRefusals.Answer)?
    for path in paths {
      switch try await ask(engine, path, body) {
      case .success(let ids):
        if let refused { refusals.note(refused.answer, refused.path, by: engine, servedBy: path) }
        return ids
      case .failure(let answer):
        refusals.count(answer)
        refused = refused ?? (path, answer)
        let now = now()
        state.withLock { $0.absent.insert(path, at: engine, model: model, now: now) }
      }
    }
    if let refused { refusals.note(refused.answer, refused.path, by: engine, servedBy: nil) }
    throw .absent
  }

  /// Asks an engine on one path. Returns the token ids, or the answer that says that the path is not served.
  private func ask(
    _ engine: EndpointAddress, _ path: RenderPath, _ body: ByteBuffer
  ) async throws(Failure) -> Result<[UInt32], RenderRefusals.Answer> {
    let isSecure = configuration.service.map { $0.isSecure && $0.address == engine } ?? false
    var request = HTTPClientRequest(url: "\(isSecure ? "https" : "http")://\(engine)\(path.rawValue)")
    request.method = .POST
    request.headers.add(name: "content-type", value: "application/json")
    request.body = .bytes(body)
    let (status, answer) = try await exchange(
      request, within: Self.timeLimit(configuration, bytes: body.readableBytes),
      maximumAnswerBytes: Self.spareAnswerBytes + Self.answerBytesPerByte * body.readableBytes)
    if let refused = RenderRefusals.Answer(status: status, body: answer) { return .failure(refused) }
    switch status {
    case 200: break
    // The engine is overloaded.
    case 408, 429: throw .failed
    case 400..<500: throw .refused
    default: throw .failed
    }
    let bytes = Array(answer.readableBytesView)
    do throws(TokenIDReader.Failure) {
      return .success(
        unsafe try TokenIDReader.read(bytes.span.bytes, atMost: Self.spareTokens + body.readableBytes))
    } catch {
      switch error {
      case .several: throw .refused
      case .unreadable: throw .unreadable
      }
    }
  }

  /// Tokens that an answer may have beyond one per byte of the request: the tokens that the template adds.
  private static let spareTokens = 65_536
  /// Bytes of an answer per byte of the request: a token is at least one byte of text, and takes eight digits and a comma in
  /// the answer, which has other members too.
  private static let answerBytesPerByte = 16
  /// Bytes that an answer may have beyond `answerBytesPerByte`.
  private static let spareAnswerBytes = 1 << 20

  /// How long an engine may take for a request of `bytes` bytes: `renderTimeout` and a second per megabyte.
  ///
  /// A tokenizer processes a megabyte per second and more on one core, which a busy engine may have to share. With a fixed
  /// limit three long prompts in a row would open the engine's breaker.
  static func timeLimit(_ configuration: TokenSourceConfiguration, bytes: Int) -> Duration {
    configuration.renderTimeout + .microseconds(bytes)
  }

  /// Returns status and body of an answer. The time limit is for the whole answer; the HTTP client's own limits restart with
  /// each piece.
  ///
  /// - Throws: `Failure.failed` when the answer is not complete in time, or is larger than `maximumAnswerBytes`.
  private func exchange(
    _ request: HTTPClientRequest, within limit: Duration, maximumAnswerBytes: Int
  ) async throws(Failure) -> (status: UInt, answer: ByteBuffer) {
    let exchange = await withTimeLimit(limit) { [client] () -> (status: UInt, answer: ByteBuffer)? in
      guard let response = try? await client.execute(request, timeout: .nanoseconds(limit.wholeNanoseconds)) else {
        return nil
      }
      return (try? await response.body.collect(upTo: maximumAnswerBytes)).map { (response.status.code, $0) }
    }
    guard let answer = exchange.value else { throw .failed }
    return answer
  }

  // MARK: - Engines

  /// Returns the paths on which an engine may be asked now, and the call's generation; nil when it must not be asked.
  private func admitted(
    _ engine: EndpointAddress, _ paths: [RenderPath], _ model: String
  ) -> (paths: [RenderPath], generation: Breaker.Generation)? {
    let now = now()
    return state.withLock { state in
      let present = state.absent.present(paths, at: engine, model: model, now: now)
      guard !present.isEmpty else { return nil }
      guard state.breakers[engine] != nil else { return (present, Breaker().generation) }
      return state.breakers[engine]?.admit(now: now).map { (present, $0) }
    }
  }

  /// Whether `render` would ask an engine. Changes no breaker.
  func wouldAsk(_ engines: [EndpointAddress], _ paths: [RenderPath], model: @autoclosure () -> String) -> Bool {
    let now = now()
    return state.withLock { state in
      let admitted = engines.filter { state.breakers[$0]?.wouldAdmit(now: now) ?? true }
      guard !admitted.isEmpty, !state.absent.isEmpty(now: now) else { return !admitted.isEmpty }
      let model = model()
      return admitted.contains { !state.absent.present(paths, at: $0, model: model, now: now).isEmpty }
    }
  }

  private func change(_ engine: EndpointAddress, _ body: (inout Breaker) -> Void) {
    state.withLock { state in
      if state.breakers.count >= Self.maximumEngines, state.breakers[engine] == nil { state.breakers.removeAll() }
      body(&state.breakers[engine, default: Breaker()])
    }
  }
}
