import EPPCore

/// Whether the bearer of a token may read a page.
package enum AccessDecision: Equatable, Sendable {
  case allowed
  /// There is no token, or it is not valid.
  case unauthenticated
  /// The owner of the token has no permission.
  case forbidden
  /// The API server could not be asked; with the reason, in one line.
  case undecided(String)
}

/// Decisions of the API server, kept for a while: about a minute where access is allowed, as in other servers of Kubernetes, and
/// shorter where it is not, because somebody is likely to mend that.
struct AccessDecisionCache {
  private struct Key: Hashable {
    var token: String
    var path: String
  }

  private struct Entry {
    var decision: AccessDecision
    var until: MonotonicTime
  }

  /// Entries at most. At the limit all are dropped: clients that send many different tokens are none that should be fast.
  private static let capacity = 256

  private var entries: [Key: Entry] = [:]

  /// Returns the decision about a token, if it is known.
  func decision(token: String, path: String, now: MonotonicTime) -> AccessDecision? {
    entries[Key(token: token, path: path)].flatMap { now < $0.until ? $0.decision : nil }
  }

  /// Keeps a decision. One that was not made is not kept.
  mutating func insert(_ decision: AccessDecision, token: String, path: String, now: MonotonicTime) {
    let lifetime: Duration
    switch decision {
    case .allowed: lifetime = .seconds(60)
    case .forbidden: lifetime = .seconds(30)
    case .unauthenticated: lifetime = .seconds(10)
    case .undecided: return
    }
    if entries.count >= Self.capacity { entries.removeAll() }
    entries[Key(token: token, path: path)] = Entry(decision: decision, until: now.advanced(by: lifetime))
  }
}
