import EPPCore
import EPPMetrics
import Synchronization

/// Tells when more than half of the requests come from one client address. Any thread may use it.
///
/// With one session per address there are no sessions of an address to count. What shows a NAT, or a proxy whose hop of
/// `x-forwarded-for` is not trusted, is that one address sends most of the requests: all clients behind it are one session, and one
/// endpoint gets them all. Requests are counted in windows of a minute, and of at least 100 requests. A majority vote (Boyer and
/// Moore 1981) finds the one address that may have sent more than half of a window; the next window counts its requests exactly. So
/// the memory does not depend on the number of addresses, and a majority is known after two windows.
final class AddressShare: Sendable {
  /// The smallest number of requests that says something.
  static let leastRequests = 100
  /// The least time of a window.
  static let window = Duration.seconds(60)

  private struct State {
    var start: MonotonicTime?
    var requests = 0
    /// The vote of this window.
    var leader: UInt64 = 0
    var lead = 0
    /// The winner of the window before, and its requests in this one.
    var counted: UInt64?
    var hits = 0
    var isMajority = false
  }

  private let state = Mutex(State())
  private let gauge: Gauge?
  private let warn: @Sendable (String) -> Void

  /// - Parameters:
  ///   - gauge: set at the end of each window; nil for none.
  ///   - warn: called when an address begins to send more than half of the requests.
  init(gauge: Gauge?, warn: @escaping @Sendable (String) -> Void) {
    self.gauge = gauge
    self.warn = warn
  }

  /// Counts a request.
  ///
  /// - Parameter address: the digest of the client's address.
  func observe(_ address: UInt64, now: MonotonicTime) {
    let warning = state.withLock { state -> String? in
      var warning: String?
      let start = state.start ?? now
      state.start = start
      if state.requests >= Self.leastRequests, now.duration(since: start) >= Self.window {
        warning = close(&state)
        state.start = now
      }
      state.requests += 1
      if state.counted == address { state.hits += 1 }
      if state.lead == 0 { state.leader = address }
      state.lead += state.leader == address ? 1 : -1
      return warning
    }
    if let warning { warn(warning) }
  }

  /// Ends a window; returns what is to be said of it.
  private func close(_ state: inout State) -> String? {
    let (hits, requests) = (state.hits, state.requests)
    let isMajority = state.counted != nil && 2 * hits > requests
    gauge?.set(state.counted == nil ? 0 : Double(hits) / Double(requests))
    defer { state = State(counted: state.lead > 0 ? state.leader : nil, isMajority: isMajority) }
    guard isMajority, !state.isMajority else { return nil }
    return
      "\(hits) of \(requests) requests come from one client address, and go to one endpoint: if it is a NAT, take another "
      + "strategy of session affinity; if it is a proxy, let the gateway send the client's address (source.address), or set "
      + "trustedHops"
  }
}
