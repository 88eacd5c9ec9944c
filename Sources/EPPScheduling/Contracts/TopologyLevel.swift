import EPPCore

/// How near two endpoints are.
package enum TopologyLevel: String, Sendable, CaseIterable {
  case host
  case rack
  case zone
  case region

  /// The nearest level that both share, each looked at by itself; nil when they share none, or nothing is known.
  init?(_ one: borrowing EndpointTopology, _ other: borrowing EndpointTopology) {
    if Self.isShared(one.hostname, other.hostname) {
      self = .host
    } else if Self.isShared(one.rack, other.rack) {
      self = .rack
    } else if Self.isShared(one.zone, other.zone) {
      self = .zone
    } else if Self.isShared(one.region, other.region) {
      self = .region
    } else {
      return nil
    }
  }

  @inline(__always)
  private static func isShared(_ one: String?, _ other: String?) -> Bool {
    guard let one, let other else { return false }
    // Lengths first: unequal texts are otherwise compared as Unicode text.
    return one.utf8.count == other.utf8.count && one == other
  }

  /// The score of an endpoint at this level, as in llm-d.
  var score: Double {
    switch self {
    case .host: 1
    case .rack: 0.2
    case .zone: 0.05
    case .region: 0.02
    }
  }

  /// Whether endpoints at this level are at least as near as those at the other one.
  func isAtLeast(_ other: TopologyLevel) -> Bool { score >= other.score }
}

extension SchedulingContext {
  /// How near the candidate at a position is to the endpoint that was picked to decode; nil when they share nothing, and while there
  /// is no such endpoint.
  func nearness(at position: Int) -> TopologyLevel? {
    guard let decodePick else { return nil }
    let all = snapshot.members
    let members = all.span
    return TopologyLevel(members[candidates[position]].endpoint.topology, members[decodePick].endpoint.topology)
  }
}
