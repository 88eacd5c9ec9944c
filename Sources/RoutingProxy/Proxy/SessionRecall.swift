package import EPPCore
package import NIOHTTP1
import Synchronization

/// Tells whether a request's session or client has sent requests here before: how well whoever chooses pods keeps sessions together.
/// Any thread may use it.
///
/// Only a hash with a secret of the process is kept of each, for one to two hours, of the last 65,536 at most.
package final class SessionRecall: Sendable {
  /// What a request is to this pod.
  package enum Outcome: Sendable {
    /// Nothing has come of its session before, or long ago.
    case first
    /// Its session's last requests have come here, some of them at least.
    case returning
  }

  /// Sessions of the present interval and of the one before: no list in the order of use, which would take more memory than the
  /// hashes.
  private struct State {
    var young: Set<UInt64> = []
    var old: Set<UInt64> = []
    var youngSince: MonotonicTime?
  }

  private static let interval = Duration.seconds(3600)
  private let maximumYoung: Int
  private let seed = UInt64.random(in: .min ... .max)
  private let state = Mutex(State())

  /// - Parameter maximumSessions: how many are remembered.
  package init(maximumSessions: Int = 65_536) { maximumYoung = max(1, maximumSessions / 2) }

  /// Notes a request.
  ///
  /// - Parameters:
  ///   - headers: its headers. `x-session-id` names its session; without it the first address of `x-forwarded-for` is the client.
  ///   - peer: the address of the connection, which is the client where no proxy has said another one. Nil for none.
  package func note(_ headers: HTTPHeaders, peer: String?, now: MonotonicTime) -> Outcome {
    let forwarded = headers.first(name: HeaderName.forwardedFor).map { $0.prefix { $0 != "," } }
    var hasher = Hasher()
    hasher.combine(seed)
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
