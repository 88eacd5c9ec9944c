import EPPCore

/// How near two endpoints are.
package enum TopologyLevel: String, Sendable, CaseIterable {
  case host
  case rack
  case zone
  case region

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

/// How near the endpoints of a pool are to the one that was picked to decode. Any thread may use it.
struct TopologyNearness: Sendable {
  /// The place of an endpoint: a number for each name, by level; equal numbers stand for equal names, 0 for an unknown one.
  fileprivate struct Place {
    var host: Int32 = 0
    var rack: Int32 = 0
    var zone: Int32 = 0
    var region: Int32 = 0

    /// The nearest level that both share, each looked at by itself; nil when they share none, or nothing is known.
    func level(to other: Place) -> TopologyLevel? {
      if host != 0, host == other.host { return .host }
      if rack != 0, rack == other.rack { return .rack }
      if zone != 0, zone == other.zone { return .zone }
      if region != 0, region == other.region { return .region }
      return nil
    }
  }

  // Names are compared once for a membership, numbers for each request.
  private let places = MemberCache<Place>(all: { endpoints in
    var numbers: [String: Int32] = [:]
    func number(_ name: String?) -> Int32 {
      guard let name else { return 0 }
      if let known = numbers[name] { return known }
      let next = Int32(numbers.count + 1)
      numbers[name] = next
      return next
    }
    return endpoints.map { endpoint in
      let topology = endpoint.topology
      return Place(
        host: number(topology.hostname), rack: number(topology.rack), zone: number(topology.zone),
        region: number(topology.region))
    }
  })

  /// The levels of the endpoints of `context`; nil while none was picked to decode.
  func levels(_ context: borrowing SchedulingContext) -> Levels? {
    guard let decodePick = context.decodePick else { return nil }
    let places = places.values(of: context.snapshot)
    return Levels(places: places, decoding: places[decodePick])
  }

  /// What the endpoints share with the one that was picked to decode, by candidate index; nil for nothing.
  struct Levels {
    fileprivate let places: [Place]
    fileprivate let decoding: Place

    subscript(index: Int) -> TopologyLevel? { places[index].level(to: decoding) }
  }
}
