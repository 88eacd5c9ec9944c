package import EPPCore

/// Takes and renews a Lease, so that one of several processes leads: one method per event, which returns what to do next. No I/O
/// and no clock: times are passed in.
///
/// Each write names the version that it replaces, so that of two processes that write at one time one gets a conflict.
///
/// - A process leads until `renewDeadline` after it *began* its last successful write, by its own monotonic clock.
/// - A lease of another process is taken when its record has not changed for its `leaseDurationSeconds`, counted from when this
///   process first saw the record. That is later than the other one began its write, and longer than `renewDeadline`: the other
///   one has ceased to lead.
/// - A write that failed may have been performed: it makes no leader, and the lease is read again.
package struct LeaseElection: Sendable {
  /// Names and times.
  package struct Configuration: Sendable {
    /// Names this process among all that take part; no two processes, and no two runs of one, may have the same.
    package var identity: String
    /// Namespace and name of the Lease.
    package var key: ObjectKey
    /// Time without a renewal after which others may take the lease, in whole seconds.
    package var duration = Duration.seconds(10)
    /// Time after the begin of the last renewal in which this process leads; less than `duration`.
    package var renewDeadline = Duration.seconds(7)
    /// Time from the begin of one attempt to the next.
    package var retryInterval = Duration.seconds(1)

    package init(identity: String, key: ObjectKey) {
      self.identity = identity
      self.key = key
    }
  }

  /// What to do next.
  package enum Step: Equatable, Sendable {
    /// Read the Lease.
    case get
    /// Create the Lease.
    case create(Lease)
    /// Replace the Lease, if it still has the version in its metadata.
    case update(Lease)
    /// Begin the next attempt at this time.
    case wait(until: MonotonicTime)
    /// Nothing more: the lease was given up.
    case finish
  }

  /// The end of a request.
  package enum Answer: Equatable, Sendable {
    /// The Lease was read.
    case found(Lease)
    /// There is no Lease.
    case missing
    /// The Lease was written; with its new version.
    case written(Lease)
    /// The Lease has another version, or exists already.
    case conflict
    /// There was no answer, or an error. A write may have been performed.
    case failed
  }

  /// The Lease as it was last seen.
  private struct Observation: Sendable {
    var lease: Lease
    /// When the version was first seen.
    var since: MonotonicTime
  }

  /// A series of requests that ends with a wait.
  private struct Attempt: Sendable {
    var begin: MonotonicTime
    /// Time of day for the record.
    var timestamp: String
    /// Whether the current request is one that was made again after a conflict.
    var hadConflict = false
    /// Begin of the current request.
    var requestBegin: MonotonicTime
  }

  private let configuration: Configuration
  private var observation: Observation?
  private var attempt: Attempt?
  /// Begin of the last successful write that names this process.
  private var renewedAt: MonotonicTime?
  private var isReleasing = false

  package init(_ configuration: Configuration) { self.configuration = configuration }

  /// Returns whether this process leads.
  package func isLeader(now: MonotonicTime) -> Bool { leadsUntil.map { now < $0 } ?? false }

  /// Time when this process ceases to lead unless it renews the lease; nil when it does not lead.
  package var leadsUntil: MonotonicTime? { renewedAt?.advanced(by: configuration.renewDeadline) }

  /// Identity of the process that holds the lease, as it was last seen; nil when there is none.
  package var holder: String? { observation?.lease.holder }

  /// Begins an attempt to take or renew the lease.
  ///
  /// - Parameter timestamp: The time of day in the form of a record.
  package mutating func begin(now: MonotonicTime, timestamp: String) -> Step {
    attempt = Attempt(begin: now, timestamp: timestamp, requestBegin: now)
    guard let observation, observation.lease.holder == configuration.identity else { return .get }
    return .update(renewed(observation.lease))
  }

  /// Begins to give the lease up. This process ceases to lead at once.
  package mutating func release(now: MonotonicTime, timestamp: String) -> Step {
    attempt = Attempt(begin: now, timestamp: timestamp, requestBegin: now)
    isReleasing = true
    renewedAt = nil
    // A write whose answer was lost may have made this process the holder.
    guard let observation, observation.lease.holder == configuration.identity else { return .get }
    return .update(released(observation.lease))
  }

  /// Records the end of a request.
  package mutating func answered(_ answer: Answer, now: MonotonicTime) -> Step {
    guard let attempt else { return .finish }
    let requestBegin = attempt.requestBegin
    self.attempt?.requestBegin = now
    switch answer {
    case .found(let lease): return found(lease, now)
    case .missing:
      renewedAt = nil
      if isReleasing { return .finish }
      // Another client deleted the lease. Its holder leads until its deadline.
      if let holder = observation?.lease.holder, holder != configuration.identity, !hasExpired(now) {
        return retry(now)
      }
      observation = nil
      return .create(first)
    case .written(let lease):
      observation = Observation(lease: lease, since: now)
      if isReleasing { return .finish }
      renewedAt = requestBegin
      return retry(now)
    case .conflict:
      // The lease was changed, possibly by a write of this process whose answer was lost. Read it and try once more.
      guard !attempt.hadConflict else { return retry(now) }
      self.attempt?.hadConflict = true
      return .get
    case .failed: return retry(now)
    }
  }

  private mutating func found(_ lease: Lease, _ now: MonotonicTime) -> Step {
    if observation?.lease.metadata.resourceVersion != lease.metadata.resourceVersion {
      observation = Observation(lease: lease, since: now)
    }
    let isOwn = lease.holder == configuration.identity
    if !isOwn { renewedAt = nil }
    if isReleasing { return isOwn ? .update(released(lease)) : .finish }
    if isOwn { return .update(renewed(lease)) }
    guard lease.holder == nil || hasExpired(now) else { return retry(now) }
    return .update(taken(lease))
  }

  private func hasExpired(_ now: MonotonicTime) -> Bool {
    guard let observation else { return false }
    let stated = observation.lease.spec.leaseDurationSeconds.map { Duration.seconds($0) } ?? configuration.duration
    return now.duration(since: observation.since) >= stated
  }

  private func retry(_ now: MonotonicTime) -> Step {
    guard !isReleasing, let attempt else { return .finish }
    return .wait(until: max(now, attempt.begin.advanced(by: configuration.retryInterval)))
  }

  // MARK: - Records

  private var seconds: Int { Int(configuration.duration.components.seconds) }
  private var timestamp: String? { attempt?.timestamp }

  private var first: Lease {
    Lease(
      metadata: ObjectMetadata(name: configuration.key.name, namespace: configuration.key.namespace),
      spec: Lease.Spec(
        holderIdentity: configuration.identity, leaseDurationSeconds: seconds, acquireTime: timestamp,
        renewTime: timestamp, leaseTransitions: 0))
  }

  private func renewed(_ lease: Lease) -> Lease {
    var lease = lease
    lease.spec.leaseDurationSeconds = seconds
    lease.spec.renewTime = timestamp
    return lease
  }

  private func taken(_ lease: Lease) -> Lease {
    var lease = renewed(lease)
    lease.spec.holderIdentity = configuration.identity
    lease.spec.acquireTime = timestamp
    lease.spec.leaseTransitions = (lease.spec.leaseTransitions ?? 0) + 1
    return lease
  }

  /// The record of a lease that everybody may take: no holder, and the shortest duration that the API accepts.
  private func released(_ lease: Lease) -> Lease {
    var lease = renewed(lease)
    lease.spec.holderIdentity = ""
    lease.spec.leaseDurationSeconds = 1
    return lease
  }
}
