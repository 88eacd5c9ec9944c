package import EPPCore
import Synchronization

/// The keys of one file, with which session tokens are signed and checked. Any thread may use it.
///
/// Has no keys until somebody who reads the file calls `replace`: until then no tokens are made, and all are ignored.
package final class SessionKeyRing: Sendable {
  private struct State {
    var keys: [SessionSigningKey] = []
    /// Seconds since 1970 at the start of the monotonic clock.
    var epoch: Int64 = 0
  }

  private let state = Mutex(State())

  /// A ring without keys.
  package init() {}

  /// Takes new keys in place of all earlier ones. The first signs, all check.
  package func replace(with keys: [SessionSigningKey]) { state.withLock { $0.keys = keys } }

  /// Sets the time of day, which replicas share. To be called again from time to time, because the clock of the day may be set.
  ///
  /// - Parameters:
  ///   - unixTime: seconds since 1970.
  ///   - now: the same moment on the monotonic clock.
  package func setTime(_ unixTime: Int64, at now: MonotonicTime) {
    state.withLock { $0.epoch = unixTime - Int64(now.nanoseconds / 1_000_000_000) }
  }

  private func unixTime(_ epoch: Int64, _ now: MonotonicTime) -> Int64 {
    epoch + Int64(now.nanoseconds / 1_000_000_000)
  }

  /// The token of an endpoint that counts for a time from now on; nil without a key.
  ///
  /// - Parameter destination: the endpoint's address.
  package func token(for destination: String, timeToLive: Duration, now: MonotonicTime) -> String? {
    let (key, epoch) = state.withLock { ($0.keys.first, $0.epoch) }
    return key.map {
      SignedToken(key: $0, expiry: unixTime(epoch, now) + timeToLive.components.seconds, destination: destination).text
    }
  }

  /// Reads a token, and checks its signature and its time.
  package func read(_ text: some StringProtocol, now: MonotonicTime) throws(SessionTokenProblem) -> SignedToken {
    let (keys, epoch) = state.withLock { ($0.keys, $0.epoch) }
    let token = try SignedToken(text, keys: keys)
    guard token.expiry > unixTime(epoch, now) else { throw .expired }
    return token
  }
}
