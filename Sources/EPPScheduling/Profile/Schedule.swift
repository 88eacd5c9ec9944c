package import EPPCore

/// The decision on a request with everything that goes with it. Endpoints are given as candidate indices of the snapshot.
package struct Schedule: Sendable, Equatable {
  /// The decision of a profile that serves another stage than decode.
  package struct StageDecision: Sendable, Equatable {
    /// The stage.
    package var stage: ServingStage
    /// The decision.
    package var decision: Decision
  }

  /// An endpoint with its weighted sum.
  package struct ScoredEndpoint: Sendable, Equatable {
    /// The candidate index.
    package var index: Int
    /// The sum.
    package var total: Double
  }

  /// The decision on where the request is sent.
  package var decode: Decision
  /// The decisions on other stages; empty for a request that one endpoint serves alone.
  package var others: [StageDecision]
  /// What the profile handler changes of the request.
  package var effects: ProfileEffects

  /// The endpoint that computes the prompt; nil when that is the endpoint that the request is sent to.
  package var prefill: Decision? { others.first { $0.stage == .prefill }?.decision }

  /// Where the request is sent, as the gateway is told: `ip:port`, or several separated by commas, best first.
  package func destination(in snapshot: PoolSnapshot) -> String {
    if decode.picks.count == 1, effects.destinationPort == nil { return snapshot.members[decode.picks[0]].destination }
    return decode.picks.map { pick in
      let member = snapshot.members[pick]
      guard let port = effects.destinationPort else { return member.destination }
      return EndpointAddress(host: member.endpoint.address.host, port: UInt16(clamping: port)).description
    }.joined(separator: ",")
  }
}
