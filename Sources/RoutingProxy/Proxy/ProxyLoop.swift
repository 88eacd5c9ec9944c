package import EPPCore
package import EPPTracing
package import Logging
package import NIOCore

/// What the connections of one event loop share. Used on its loop alone.
package final class ProxyLoop {
  package let settings: ProxySettings
  let router: RequestRouter
  let pool: EnginePool
  let shared: ProxyShared
  let isDraining: () -> Bool
  let loop: any EventLoop
  /// Names that are being resolved.
  private var resolving = 0
  private static let maximumResolving = 64
  private var warnings: [FrequentWarning: WarningLimit] = [:]

  package init(
    _ loop: any EventLoop, _ settings: ProxySettings, _ router: RequestRouter, _ pool: EnginePool,
    _ shared: ProxyShared,
    isDraining: @escaping () -> Bool
  ) {
    self.loop = loop
    self.settings = settings
    self.router = router
    self.pool = pool
    self.shared = shared
    self.isDraining = isDraining
  }

  /// The loop's time.
  var now: MonotonicTime { MonotonicTime(nanoseconds: loop.now.uptimeNanoseconds) }

  /// Writes a warning that each request may give rise to, unless one of the kind was written a moment ago.
  func warn(_ warning: FrequentWarning, _ metadata: @autoclosure () -> Logger.Metadata) {
    guard let unwritten = warnings[warning, default: WarningLimit()].admit(at: now) else { return }
    var metadata = metadata()
    if unwritten > 0 { metadata["unwritten"] = "\(unwritten)" }
    shared.logger.warning("\(warning.rawValue)", metadata: metadata)
  }

  /// Why a target has no address.
  enum TargetProblem: Error {
    case refused(TargetPolicy.Refusal)
    /// Too many names are being resolved.
    case busy
  }

  /// The address of a target that may be dialled.
  ///
  /// A name is resolved once, and the address that was checked is the result: a name that has another address a moment later changes
  /// nothing.
  func address(of target: NamedTarget, _ done: @escaping (Result<IPAddress, TargetProblem>) -> Void) {
    let (policy, port) = (shared.targets.current, target.endpoint.port)
    if let address = target.address {
      return done(Self.check([address], port, policy))
    }
    guard resolving < Self.maximumResolving else { return done(.failure(.busy)) }
    resolving += 1
    let (resolve, host) = (shared.resolve, target.endpoint.host)
    let promise = loop.makePromise(of: [IPAddress].self)
    promise.completeWithTask { await resolve(host) }
    promise.futureResult.assumeIsolated().whenComplete { [self] result in
      resolving -= 1
      done(Self.check((try? result.get()) ?? [], port, policy))
    }
  }

  private static func check(_ addresses: [IPAddress], _ port: UInt16, _ policy: TargetPolicy)
    -> Result<IPAddress, TargetProblem>
  {
    Result { () throws(TargetPolicy.Refusal) in try policy.firstAllowed(of: addresses, port: port) }
      .mapError { .refused($0) }
  }
}

/// What all event loops share. Any thread may use it.
package struct ProxyShared: Sendable {
  /// Where requests may be sent besides to the own engine.
  package var targets: AllowedTargets
  /// The addresses of a host's name; none where it has none, or name servers do not answer.
  package var resolve: @Sendable (String) async -> [IPAddress]
  package var buffers: BufferBudget
  /// Whether the headers of a request that say where to go come from the picker; nil lets anybody say it. The first parameter is the
  /// value of a header.
  package var isSigned: (@Sendable (_ value: (String) -> String?, _ now: MonotonicTime) -> Bool)?
  /// The header that tells clients of a successful answer which pod has served them, for their next request; nil for none.
  package var identity: (@Sendable (_ now: MonotonicTime) -> RequestHeaders.Field?)?
  package var metrics: ProxyMetrics
  /// Remembers the sessions that have sent requests.
  package let sessions = SessionRecall()
  /// Begins the traces of requests; nil records none.
  package var tracing: RequestTracing?
  /// Whether each request is a line in the log.
  package var logsRequests = false
  package var logger: Logger

  package init(
    targets: AllowedTargets, resolve: @escaping @Sendable (String) async -> [IPAddress], buffers: BufferBudget,
    metrics: ProxyMetrics, logger: Logger
  ) {
    self.targets = targets
    self.resolve = resolve
    self.buffers = buffers
    self.metrics = metrics
    self.logger = logger
  }
}
