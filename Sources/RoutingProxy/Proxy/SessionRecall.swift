package import EPPCore
package import EPPMetrics
package import NIOHTTP1
import Synchronization

/// Remembers which sessions and clients have sent requests to this pod, to measure session affinity. Any thread may use it.
///
/// It keeps a hash of each for one to two hours, and at most 65,536 hashes.
package final class SessionRecall: Sendable {
  /// The sessions of the current interval and of the one before. A list in the order of use would take more memory than the hashes.
  private struct State {
    var young: Set<UInt64> = []
    var old: Set<UInt64> = []
    var youngSince: MonotonicTime?
  }

  private static let interval = Duration.seconds(3600)
  private let maximumYoung: Int
  private let state = Mutex(State())

  /// - Parameter maximumSessions: the largest number of sessions that are remembered.
  package init(maximumSessions: Int = 65_536) { maximumYoung = max(1, maximumSessions / 2) }

  /// Records a request, and returns whether its session is known.
  ///
  /// - Parameters:
  ///   - headers: the request's headers. The session is `x-session-id`, else the first address of `x-forwarded-for`, else the peer.
  ///   - peer: the address of the connection's other end; nil when it has none.
  package func note(_ headers: HTTPHeaders, peer: String?, now: MonotonicTime) -> SidecarMetrics.SessionOutcome {
    let forwarded = headers.first(name: HeaderName.forwardedFor).map { $0.prefix { $0 != "," } }
    // Seeded for each process.
    var hasher = Hasher()
    hasher.combine(headers.first(name: HeaderName.sessionID) ?? forwarded.map(String.init) ?? peer ?? "")
    let session = UInt64(bitPattern: Int64(hasher.finalize()))
    return state.withLock { state in
      if state.young.count >= maximumYoung
        || state.youngSince.map({ now >= $0.advanced(by: Self.interval) }) ?? true
      {
        (state.old, state.young, state.youngSince) = (state.young, [], now)
      }
      let isNew = state.young.insert(session).inserted
      return isNew && !state.old.contains(session) ? .first : .returning
    }
  }
}
