package import EPPCore

/// Whether a publisher can be reached, and when its subscription is to be made anew. No I/O, no clock.
package struct PublisherConnection: Sendable {
  private enum State: Sendable {
    case connected(since: MonotonicTime)
    case disconnected(Disconnection)
  }

  private struct Disconnection: Sendable {
    /// Since when, or since another kind of address is tried.
    var since: MonotonicTime
    /// When a connection that the library has given up is made again; nil as long as the library tries.
    var reopenAt: MonotonicTime?
    /// Whether it has been so for too long for the stream to be relied on.
    var isUnreachable = false
  }

  /// How a connection was lost.
  package enum Loss: Sendable, Equatable {
    /// It has ended. Unless the library says that it tries again, the peer has broken the protocol.
    case ended
    /// The library tries again by itself.
    case retried
    /// The peer speaks another protocol, or has died while it answered.
    case handshakeFailed
  }

  /// What makes the peer look like something else than a publisher.
  package enum Suspicion: Sendable, Equatable {
    case failsHandshakes
    case hangsUpAtOnce
  }

  package enum Action: Sendable, Equatable {
    /// Subscribe anew: the library does not try any more, because the peer has broken the protocol or there was no socket.
    case reopen
    /// Do not rely on the stream any more.
    case giveUpFollowing
    /// Subscribe anew, with the other kind of IP address.
    case tryOtherAddressKind
  }

  /// Connections that end so soon count as refused.
  private static let shortConnection = Duration.seconds(2)
  /// An engine that dies or is stopped while it answers looks like another protocol, once or twice.
  private static let toleratedFailures = 3

  private let disconnectedAfter: Duration
  private var state: State
  /// How long it is waited before the next new subscription.
  private var backoff: Backoff
  private var shortConnections = 0
  private var failedHandshakes = 0

  /// - Parameters:
  ///   - isConnected: whether it begins connected, as an engine does that connects to this process.
  ///   - configuration: how long a publisher may be away, and the pauses before a new subscription.
  package init(isConnected: Bool, _ configuration: KVEventsConfiguration, at now: MonotonicTime) {
    disconnectedAfter = configuration.disconnectedAfter
    backoff = Backoff(initial: configuration.reviveAfter, ceiling: configuration.longestRevive)
    state = isConnected ? .connected(since: now) : .disconnected(Disconnection(since: now))
  }

  package var isConnected: Bool { if case .connected = state { true } else { false } }

  /// Whether the publisher has been away for so long that its stream cannot be relied on.
  package var isUnreachable: Bool { if case .disconnected(let gone) = state { gone.isUnreachable } else { false } }

  /// The subscription is made, for the first time or anew.
  package mutating func opened(at now: MonotonicTime) {
    switch state {
    case .connected: state = .disconnected(Disconnection(since: now))
    case .disconnected(var gone):
      gone.reopenAt = nil
      state = .disconnected(gone)
    }
  }

  /// The subscription could not be made.
  package mutating func openFailed(at now: MonotonicTime) { lose(at: now, reopenAt: now.advanced(by: backoff.next)) }

  /// The library has connected.
  package mutating func connected(at now: MonotonicTime) {
    state = .connected(since: now)
    failedHandshakes = 0
  }

  /// The connection is lost, or could not be made.
  ///
  /// - Parameter hasBroughtMessages: whether messages have ever been applied.
  /// - Returns: what this says of the peer, the first time that it happens too often.
  package mutating func lost(_ loss: Loss, hasBroughtMessages: Bool, at now: MonotonicTime) -> Suspicion? {
    var suspicion: Suspicion?
    // Whatever is no publisher answers the greeting and hangs up; the library takes some of that for its oldest protocol.
    if case .connected(let since) = state, now < since.advanced(by: Self.shortConnection), !hasBroughtMessages {
      shortConnections += 1
      if shortConnections == Self.toleratedFailures { suspicion = .hangsUpAtOnce }
    }
    if loss == .handshakeFailed {
      failedHandshakes += 1
      if failedHandshakes == Self.toleratedFailures { suspicion = .failsHandshakes }
    }
    lose(at: now, reopenAt: loss == .retried ? nil : now.advanced(by: backoff.next))
    return suspicion
  }

  private mutating func lose(at now: MonotonicTime, reopenAt: MonotonicTime?) {
    var gone = if case .disconnected(let gone) = state { gone } else { Disconnection(since: now) }
    gone.reopenAt = reopenAt
    state = .disconnected(gone)
  }

  /// A message was applied: the peer is a publisher.
  package mutating func noteMessage() { backoff.reset() }

  /// What is due. To be called a few times a second; `opened` or `openFailed` follows what asks for a new subscription.
  ///
  /// - Parameter hasOtherAddressKind: whether the address is a name, which may stand for addresses of both kinds, and there is
  ///   a subscription.
  package mutating func tick(at now: MonotonicTime, hasOtherAddressKind: Bool) -> [Action] {
    guard case .disconnected(var gone) = state else { return [] }
    var actions: [Action] = []
    if let reopenAt = gone.reopenAt, now >= reopenAt {
      backoff.fail()
      gone.reopenAt = nil
      actions.append(.reopen)
    }
    if now >= gone.since.advanced(by: disconnectedAfter) {
      gone.isUnreachable = true
      actions.append(.giveUpFollowing)
      if hasOtherAddressKind, gone.reopenAt == nil {
        gone.since = now
        actions.append(.tryOtherAddressKind)
      }
    }
    state = .disconnected(gone)
    return actions
  }
}
