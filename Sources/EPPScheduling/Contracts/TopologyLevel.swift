import EPPCore

/// How near two endpoints are.
package enum TopologyLevel: String, Sendable, CaseIterable {
  case host
  case rack
  case zone
  case region

  /// The nearest level that both share, each looked at by itself; nil when they share none, or nothing is known.
  init?(_ one: EndpointTopology, _ other: EndpointTopology) {
    func isShared(_ part: KeyPath<EndpointTopology, String?>) -> Bool {
      one[keyPath: part] != nil && one[keyPath: part] == other[keyPath: part]
    }
    if isShared(\.hostname) {
      self = .host
    } else if isShared(\.rack) {
      self = .rack
    } else if isShared(\.zone) {
      self = .zone
    } else if isShared(\.region) {
      self = .region
    } else {
      return nil
    }
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
    return TopologyLevel(
      snapshot.members[candidates[position]].endpoint.topology, snapshot.members[decodePick].endpoint.topology)
  }
}
