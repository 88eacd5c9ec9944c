package import EPPCore

/// Measures how close endpoints are to their limits. Any thread may use it; it does not block.
package protocol SaturationDetector: Sendable {
  /// The saturation of a set of endpoints: 0 when they are idle, 1 at their limits, and more beyond; 1 for an empty set.
  ///
  /// - Parameter stage: the stage that the endpoints serve in a disaggregated pool; nil for the whole pool.
  func saturation(of endpoints: borrowing [EndpointUse], stage: ServingStage?) -> Double
}

/// An endpoint's load at one moment, with the requests of this process.
package struct EndpointUse: Sendable, Equatable {
  /// The load that scorers see.
  package var load: CandidateLoad
  /// Requests of this process that have not ended, and their tokens that are not computed.
  package var inFlight: EndpointLoad.InFlight

  package init(load: CandidateLoad, inFlight: EndpointLoad.InFlight) {
    self.load = load
    self.inFlight = inFlight
  }
}

extension SaturationDetector {
  /// The mean of a measure over endpoints; 1 for an empty set, which can serve nothing.
  func mean(_ endpoints: borrowing [EndpointUse], of measure: (EndpointUse) -> Double) -> Double {
    guard !endpoints.isEmpty else { return 1 }
    var sum = 0.0
    for index in endpoints.indices { sum += measure(endpoints[index]) }
    return sum / Double(endpoints.count)
  }
}

/// Refuses requests before they are scheduled. Called on the request's thread; does not block.
package protocol AdmissionPlugin: Sendable {
  /// Returns the rejection of a request; nil admits it.
  ///
  /// - Parameters:
  ///   - priority: the request's priority; negative for a request that may be shed.
  ///   - endpoints: the endpoints that the request may be sent to.
  ///   - random: the thread's random numbers.
  func rejection(
    priority: Int, endpoints: borrowing [EndpointUse], using random: inout PickRandom
  ) -> Rejection?
}
