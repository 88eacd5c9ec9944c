package import EPPCore

/// Tracks whether a publisher can be reached, and when to subscribe again. No I/O, no clock.
package struct PublisherConnection: Sendable {
  private enum State: Sendable {
    case connected(since: MonotonicTime)
    case disconnected(Disconnection)
  }

  private struct Disconnection: Sendable {
    /// When the connection was lost, or the kind of address was last changed.
    var since: MonotonicTime
    /// When to subscribe again because the library has given up; nil while the library reconnects.
    var reopenAt: MonotonicTime?
    /// Whether the publisher has been away too long for the stream to be relied on.
    var isUnreachable = false
  }

  /// How a connection was lost.
  package enum Loss: Sendable, Equatable {
    /// It has ended. Unless `retried` follows, the peer has broken the protocol.
    case ended
    /// The library reconnects by itself.
    case retried
    /// The peer uses another protocol, or died during the handshake.
    case handshakeFailed
  }

  /// A sign that the peer is not a publisher.
  package enum Suspicion: Sendable, Equatable {
    /// Handshakes fail.
    case failsHandshakes
    /// Connections end shortly after they were made.
    case hangsUpAtOnce
  }

  /// What the owner has to do.
  package enum Action: Sendable, Equatable {
    /// Subscribe again: the library has given up because the peer has broken the protocol, or there was no socket.
    case reopen
    /// Stop relying on the stream.
    case giveUpFollowing
    /// Subscribe again with the other kind of IP address.
    case tryOtherAddressKind
  }

  /// Shorter connections count as refused.
  private static let shortConnection = Duration.seconds(2)
  /// Failures that are reported as a suspicion: an engine that dies during a handshake looks like another protocol once or
  /// twice.
  private static let toleratedFailures = 3

  private let disconnectedAfter: Duration
  private var state: State
  /// The delay before the next subscription.
  private var backoff: Backoff
  private var shortConnections = 0
  private var failedHandshakes = 0

  /// - Parameters:
  ///   - isConnected: whether it starts connected, for an engine that connects to this process.
  ///   - configuration: how long a publisher may be away, and the delays before a new subscription.
  ///   - now: the time.
  package init(isConnected: Bool, _ configuration: KVEventsConfiguration, at now: MonotonicTime) {
    disconnectedAfter = configuration.disconnectedAfter
    backoff = Backoff(initial: configuration.reviveAfter, ceiling: configuration.longestRevive)
    state = isConnected ? .connected(since: now) : .disconnected(Disconnection(since: now))
  }

  /// Whether the publisher is connected.
  package var isConnected: Bool { if case .connected = state { true } else { false } }

  /// Whether the publisher has been away too long for its stream to be relied on.
  package var isUnreachable: Bool { if case .disconnected(let gone) = state { gone.isUnreachable } else { false } }

  /// Records that the subscription was made.
  package mutating func opened(at now: MonotonicTime) {
    switch state {
    case .connected: state = .disconnected(Disconnection(since: now))
    case .disconnected(var gone):
      gone.reopenAt = nil
      state = .disconnected(gone)
    }
  }

  /// Records that the subscription could not be made.
  package mutating func openFailed(at now: MonotonicTime) { lose(at: now, reopenAt: now.advanced(by: backoff.next)) }

  /// Records that the library has connected.
  package mutating func connected(at now: MonotonicTime) {
    state = .connected(since: now)
    failedHandshakes = 0
  }

  /// Records that the connection was lost or could not be made.
  ///
  /// - Parameter hasBroughtMessages: whether any message was ever applied.
  /// - Returns: a suspicion when the failures become too many, else nil.
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

  /// Records that a message was applied, which proves that the peer is a publisher.
  package mutating func noteMessage() { backoff.reset() }

  /// Returns the actions that are due. To be called a few times a second. The owner calls `opened` or `openFailed` after an
  /// action that subscribes again.
  ///
  /// - Parameter hasOtherAddressKind: whether there is a subscription with a host name, which may resolve to both kinds of
  ///   address.
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
