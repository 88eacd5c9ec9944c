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
    /// The engine said no, for a reason that lies in the request: another one would say the same.
    case refused(status: UInt)
    /// It did not answer, or not in time, or with an error of its own.
    case failed
    /// What it said has no tokens in it.
    case unreadable
  }

  private struct State {
    var breakers: [EndpointAddress: Breaker] = [:]
    /// Paths that an engine does not have.
    var missing: [EndpointAddress: Set<RenderPath>] = [:]
  }

  /// Engines that are remembered; those that left the pool are among them until they are pushed out.
  private static let maximumEngines = 2 * EndpointSlot.capacity
  /// An engine and one other.
  private static let attempts = 2

  private let configuration: TokenSourceConfiguration
  private let client: HTTPClient
  private let now: @Sendable () -> MonotonicTime
  private let state = Mutex(State())

  init(_ configuration: TokenSourceConfiguration, now: @escaping @Sendable () -> MonotonicTime) {
    self.configuration = configuration
    self.now = now
    var settings = HTTPClient.Configuration()
    settings.timeout.connect = .nanoseconds(configuration.connectTimeout.wholeNanoseconds)
    settings.timeout.read = .nanoseconds(configuration.renderTimeout.wholeNanoseconds)
    settings.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = configuration.maximumRenders
    settings.redirectConfiguration = .disallow
    client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: settings)
  }

  func shutdown() async { try? await client.shutdown() }

  /// The tokens of a prompt, from the first of the engines that gives them.
  func render(_ body: ByteBuffer, _ api: InferenceAPI, at engines: [EndpointAddress]) async throws(Failure) -> [UInt32]
  {
    var last = Failure.nobody
    var attempts = 0
    for engine in engines where attempts < Self.attempts {
      guard admits(engine) else { continue }
      attempts += 1
      do throws(Failure) {
        let ids = try await ask(engine, body, api)
        change(engine) { $0.succeeded() }
        return ids
      } catch {
        last = error
        switch error {
        case .refused:
          change(engine) { $0.succeeded() }
          throw error
        default:
          let now = now()
          change(engine) { $0.failed(now: now) }
        }
      }
    }
    throw last
  }

  /// Tries one path after the other, and remembers those that are not there.
  private func ask(
    _ engine: EndpointAddress, _ body: ByteBuffer, _ api: InferenceAPI
  ) async throws(Failure) -> [UInt32] {
    let missing = state.withLock { $0.missing[engine] ?? [] }
    let paths = RenderPath.all(for: api)
    var present = paths.filter { !missing.contains($0) }
    // An engine that was started anew with other flags may have them all.
    if present.isEmpty { present = paths }
    var last = Failure.failed
    for path in present {
      do throws(Failure) {
        return try await ask(engine, path, body)
      } catch .refused(let status) where status == 403 || status == 404 || status == 405 || status == 501 {
        last = .refused(status: status)
        state.withLock { _ = $0.missing[engine, default: []].insert(path) }
      }
    }
    throw last
  }

  private func ask(_ engine: EndpointAddress, _ path: RenderPath, _ body: ByteBuffer) async throws(Failure) -> [UInt32]
  {
    var request = HTTPClientRequest(url: "http://\(engine)\(path.rawValue)")
    request.method = .POST
    request.headers.add(name: "content-type", value: "application/json")
    request.body = .bytes(body)
    let status: UInt
    let answer: ByteBuffer
    do {
      let response = try await client.execute(
        request, timeout: .nanoseconds(configuration.renderTimeout.wholeNanoseconds))
      status = response.status.code
      answer = try await response.body.collect(upTo: configuration.maximumAnswerBytes)
    } catch {
      throw .failed
    }
    guard status == 200 else {
      throw (400..<500).contains(status) || status == 501 ? .refused(status: status) : .failed
    }
    let bytes = Array(answer.readableBytesView)
    do throws(TokenIDReader.Unreadable) {
      return unsafe try TokenIDReader.read(bytes.span.bytes)
    } catch {
      throw .unreadable
    }
  }

  // MARK: - Engines

  private func admits(_ engine: EndpointAddress) -> Bool {
    let now = now()
    return state.withLock { state in
      guard var breaker = state.breakers[engine] else { return true }
      defer { state.breakers[engine] = breaker }
      return breaker.admits(now: now)
    }
  }

  private func change(_ engine: EndpointAddress, _ body: (inout Breaker) -> Void) {
    state.withLock { state in
      if state.breakers.count >= Self.maximumEngines { state.breakers.removeAll() }
      if state.missing.count >= Self.maximumEngines { state.missing.removeAll() }
      body(&state.breakers[engine, default: Breaker()])
    }
  }
}

extension Duration {
  var wholeNanoseconds: Int64 {
    let (seconds, attoseconds) = components
    let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    return overflow ? .max : whole &+ attoseconds / 1_000_000_000
  }
}
