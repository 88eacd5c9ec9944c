package import EPPCore
import EPPDataLayer
package import EPPMetrics
import FoundationEssentials
package import Logging
import Synchronization

/// Takes part in the election of a leader by a Lease, for as long as it runs: `LeaseElection` on a client. Any thread may ask who
/// leads.
package final class LeaderElection: Sendable {
  private let configuration: LeaseElection.Configuration
  private let client: KubernetesClient
  private let gauge: Gauge
  private let logger: Logger
  private let clock: @Sendable () -> MonotonicTime
  private let state: Mutex<LeaseElection>

  /// Time that the release of the lease may take. Without a release, others wait until the lease expires.
  private static let releaseLimit = Duration.seconds(3)

  /// Prepares the election; no request is sent before `run`.
  ///
  /// - Parameters:
  ///   - client: Client of the API server. The caller shuts it down.
  ///   - clock: Returns the current time.
  package init(
    _ configuration: LeaseElection.Configuration, client: KubernetesClient, metrics: PickerMetrics, logger: Logger,
    clock: @escaping @Sendable () -> MonotonicTime = { .now() }
  ) {
    self.configuration = configuration
    self.client = client
    gauge = metrics.leaderGauge()
    self.logger = logger
    self.clock = clock
    state = Mutex(LeaseElection(configuration))
  }

  /// Whether this process leads now. Compares the clock with the last renewal each time.
  package var isLeader: Bool {
    let now = clock()
    return state.withLock { $0.isLeader(now: now) }
  }

  /// Sets the gauge of the leader. Call it before the metrics page is written.
  package func refreshGauge() { gauge.set(isLeader ? 1 : 0) }

  /// Takes and renews the lease until the task is cancelled. `release` has to be called then.
  ///
  /// - Parameter changed: Called after this process has begun or ceased to lead.
  package func run(_ changed: @escaping @Sendable () -> Void) async {
    var report = Report(logger: logger, key: configuration.key, identity: configuration.identity)
    while !Task.isCancelled {
      var step = state.withLock { $0.begin(now: clock(), timestamp: Self.timestamp()) }
      while !Task.isCancelled {
        if case .wait(let until) = step {
          try? await Task.sleep(for: max(.zero, until.duration(since: clock())))
          break
        }
        let (answer, error) = await perform(step, within: requestLimit)
        step = state.withLock { $0.answered(answer, now: clock()) }
        if Task.isCancelled { break }
        let (isLeader, holder) = (isLeader, state.withLock { $0.holder })
        if report.note(isLeader: isLeader, holder: holder, error: error) { changed() }
      }
    }
  }

  /// Gives the lease up, so that another process can take it at once. Call it after `run` has returned, and from a task that is
  /// not cancelled. Takes three seconds at most.
  package func release() async {
    _ = await withTimeLimit(Self.releaseLimit) {
      var step = self.state.withLock { $0.release(now: self.clock(), timestamp: Self.timestamp()) }
      while step != .finish, !Task.isCancelled {
        let (answer, _) = await self.perform(step, within: Self.releaseLimit)
        step = self.state.withLock { $0.answered(answer, now: self.clock()) }
      }
    }
  }

  /// Time that a request may take. For the leader it ends when the process ceases to lead, so that this is noticed then.
  private var requestLimit: Duration {
    let now = clock()
    let left = state.withLock { election in
      election.isLeader(now: now) ? election.leadsUntil?.duration(since: now) : nil
    }
    return left ?? configuration.renewDeadline
  }

  private func perform(
    _ step: LeaseElection.Step, within limit: Duration
  ) async -> (answer: LeaseElection.Answer, error: KubernetesError?) {
    do throws(KubernetesError) {
      let lease = try await client.within(limit) { () async throws(KubernetesError) in try await self.send(step) }
      return (step == .get ? .found(lease) : .written(lease), nil)
    } catch {
      switch error.status?.code {
      case 409: return (.conflict, nil)
      case 404 where error.status?.reason == "NotFound": return (.missing, nil)
      default: return (.failed, error)
      }
    }
  }

  private func send(_ step: LeaseElection.Step) async throws(KubernetesError) -> Lease {
    let collection = Lease.kind.path(namespace: configuration.key.namespace)
    let object = collection + "/" + configuration.key.name
    switch step {
    case .create(let lease):
      return try KubernetesClient.decode(await client.send(.post(KubernetesClient.encode(lease)), collection))
    case .update(let lease):
      return try KubernetesClient.decode(await client.send(.put(KubernetesClient.encode(lease)), object))
    case .get, .wait, .finish: return try KubernetesClient.decode(await client.send(.get, object))
    }
  }

  /// Returns the time of day as the API takes it: with six fraction digits, of which the last three are zeros.
  private static func timestamp() -> String {
    Date().formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true)).dropLast() + "000Z"
  }
}

/// Logs changes of the leader, and failures when they begin.
private struct Report {
  let logger: Logger
  let key: ObjectKey
  let identity: String
  private var wasLeader = false
  private var lastHolder: String?
  private var isFailing = false

  init(logger: Logger, key: ObjectKey, identity: String) {
    self.logger = logger
    self.key = key
    self.identity = identity
  }

  /// Logs what has changed. Returns whether this process has begun or ceased to lead.
  mutating func note(isLeader: Bool, holder: String?, error: KubernetesError?) -> Bool {
    var metadata: Logger.Metadata = ["lease": "\(key)"]
    if let error, !isFailing {
      metadata["error"] = "\(error)"
      logger.warning("\(Self.sentence(error))", metadata: metadata)
      metadata["error"] = nil
    }
    isFailing = error != nil
    defer { (wasLeader, lastHolder) = (isLeader, holder) }
    if isLeader != wasLeader {
      logger.notice(
        isLeader
          ? "this process leads: it reports ready" : "this process does not lead any longer: it reports not ready",
        metadata: metadata)
    } else if !isLeader, let holder, holder != lastHolder, holder != identity {
      metadata["leader"] = "\(holder)"
      logger.notice("another process leads: this one stands by", metadata: metadata)
    }
    return isLeader != wasLeader
  }

  private static func sentence(_ error: KubernetesError) -> String {
    switch error.status?.code {
    case 403: "the API server forbids to use the lease; the Role needs the verbs get, create and update on leases"
    default: "the lease cannot be read or renewed; trying again"
    }
  }
}
