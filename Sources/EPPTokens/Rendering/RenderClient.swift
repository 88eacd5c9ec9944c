import AsyncHTTPClient
import EPPCore
import EPPRequests
import NIOCore
import NIOHTTP1
import Synchronization

/// Asks engines for the tokens of prompts, by HTTP.
final class RenderClient: Sendable {
  /// Why there is no answer.
  enum Failure: Error, Equatable {
    /// No engine could be asked: all are left alone for a while.
    case nobody
    /// The engine does not say tokens of this model.
    case absent
    /// The engine said no, for a reason that lies in the request: another one would say the same.
    case refused
    /// It did not answer, or not in time, or with an error of its own.
    case failed
    /// What it said has no tokens in it.
    case unreadable
  }

  private struct State {
    var breakers: [EndpointAddress: Breaker] = [:]
    var absent = AbsentPaths()
  }

  /// Engines that are remembered; those that left the pool are among them until they are pushed out.
  private static let maximumEngines = 2 * EndpointSlot.capacity
  /// An engine and one other.
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

  func shutdown() async { try? await client.shutdown() }

  /// The tokens of a prompt, from the first of the engines that gives them.
  ///
  /// - Parameter paths: to be tried in this order.
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

  /// Tries one path after the other, and remembers those that are not there.
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

  /// The token ids, or that the path is not served.
  private func ask(
    _ engine: EndpointAddress, _ path: RenderPath, _ body: ByteBuffer
  ) async throws(Failure) -> Result<[UInt32], RenderRefusals.Answer> {
    var request = HTTPClientRequest(url: "http://\(engine)\(path.rawValue)")
    request.method = .POST
    request.headers.add(name: "content-type", value: "application/json")
    request.body = .bytes(body)
    let (status, answer) = try await exchange(
      request, within: Self.timeLimit(configuration, bytes: body.readableBytes),
      maximumAnswerBytes: Self.spareAnswerBytes + Self.answerBytesPerByte * body.readableBytes)
    if let refused = RenderRefusals.Answer(status: status, body: answer) { return .failure(refused) }
    switch status {
    case 200: break
    // It is the engine that has no time.
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

  /// A token is a byte of text at least, but for those of the template; eight digits and a comma say one, and render tells
  /// some more than the ids.
  private static let spareTokens = 65_536
  private static let answerBytesPerByte = 16
  private static let spareAnswerBytes = 1 << 20

  /// How long an engine may take for a request of some bytes.
  ///
  /// A tokenizer does a megabyte a second and more on one core, which an engine that computes may have to share: without this
  /// three long prompts one after the other would have the engine left alone by all.
  static func timeLimit(_ configuration: TokenSourceConfiguration, bytes: Int) -> Duration {
    configuration.renderTimeout + .microseconds(bytes)
  }

  /// The status and the body of an answer that is whole in time: the client's own limits begin anew with each piece.
  private func exchange(
    _ request: HTTPClientRequest, within limit: Duration, maximumAnswerBytes: Int
  ) async throws(Failure) -> (status: UInt, answer: ByteBuffer) {
    let answer = try? await withThrowingTaskGroup(of: (status: UInt, answer: ByteBuffer)?.self) { group in
      defer { group.cancelAll() }
      group.addTask { [client] in
        let response = try await client.execute(request, timeout: .nanoseconds(limit.wholeNanoseconds))
        return (response.status.code, try await response.body.collect(upTo: maximumAnswerBytes))
      }
      group.addTask {
        try await Task.sleep(for: limit)
        return nil
      }
      return try await group.next() ?? nil
    }
    guard let answer else { throw .failed }
    return answer
  }

  // MARK: - Engines

  /// The paths that an engine may be asked on; nil when it is left alone.
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

  /// Whether some engine would be asked. An engine that is to be tried out is tried by the first call.
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
