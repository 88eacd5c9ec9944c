import EPPCore

/// Decisions of the API server, each kept for a time: a minute where access is granted, as in other servers of Kubernetes, and less
/// where it is not, so that a new permission takes effect soon.
struct AccessDecisions {
  private struct Key: Hashable {
    var token: String
    var path: String
  }

  private struct Entry {
    var decision: PageAccess
    var until: MonotonicTime
  }

  /// Entries at most; at the limit all are dropped. A cluster has a few clients that scrape.
  private static let capacity = 256

  private var entries: [Key: Entry] = [:]

  /// Returns the decision about a token, if it is known.
  func decision(token: String, path: String, now: MonotonicTime) -> PageAccess? {
    entries[Key(token: token, path: path)].flatMap { now < $0.until ? $0.decision : nil }
  }

  /// Keeps a decision; `undecided` is not kept.
  mutating func insert(_ decision: PageAccess, token: String, path: String, now: MonotonicTime) {
    let lifetime: Duration
    switch decision {
    case .granted: lifetime = .seconds(60)
    case .forbidden: lifetime = .seconds(30)
    case .unauthenticated: lifetime = .seconds(10)
    case .undecided: return
    }
    if entries.count >= Self.capacity { entries.removeAll() }
    entries[Key(token: token, path: path)] = Entry(decision: decision, until: now.advanced(by: lifetime))
  }
}
