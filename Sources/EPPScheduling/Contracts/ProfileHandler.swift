package import EPPCore

/// Decides which scheduling profiles a request goes through, one after the other, and what their picks are used for. Called on
/// the request's thread; does not block.
package protocol ProfileHandler: Sendable {
  /// The next step of a request.
  ///
  /// - Parameters:
  ///   - runs: the profiles that were run for the request, in their order.
  ///   - context: the request and the pool.
  /// - Throws: the rejection of the request.
  func next(after runs: borrowing [ProfileRun], _ context: borrowing SchedulingContext) throws(Rejection) -> ProfileStep
}

/// What the pick of a profile is used for.
package enum ServingStage: String, Sendable, CaseIterable {
  /// The request is sent to the pick, which generates the answer.
  case decode
  /// The sidecar of the decoding endpoint has the prompt computed there.
  case prefill
  /// The sidecar of the decoding endpoint has the media encoded there.
  case encode
}

/// A profile that was run for a request.
package struct ProfileRun: Sendable {
  /// The position of the profile in the configuration.
  package let profile: Int
  /// What the pick is used for.
  package let stage: ServingStage
  /// The decision; nil when the profile's filters left no endpoint.
  package let decision: Decision?
}

/// What a profile handler wants next.
package enum ProfileStep: Sendable, Equatable {
  /// Run the profile at this position of the configuration.
  case run(profile: Int, for: ServingStage)
  /// The request is scheduled: it goes to the decision of the last run for the stage `decode`.
  case finish(ProfileEffects)
}

/// What a profile handler changes of a request.
package struct ProfileEffects: Sendable, Equatable {
  /// Headers to set on the request; they replace headers with equal names.
  package var requestHeaders: [RequestHeaders.Field] = []
  /// The port that the request is sent to on the host of the pick; nil sends it to the pick's own.
  package var destinationPort: Int?
  /// The name of the split of the request over stages, for `llm_d_epp_disagg_decision_total`; nil counts nothing.
  package var decisionType: String?

  /// No effects.
  package init() {}
}

/// Decides whether a request has a stage of its own for prefill or encoding. Called on the request's thread; does not block.
package protocol StageDecider: Sendable {
  /// Whether the request gets the stage.
  ///
  /// - Parameters:
  ///   - context: the request and the pool, with the match of all endpoints.
  ///   - decode: the slot of the endpoint that decodes; nil when it has not been picked yet.
  func isWanted(_ context: borrowing SchedulingContext, decode: EndpointSlot?) -> Bool
}

/// Plugins that other plugins refer to by name.
package struct PluginPeers: Sendable {
  /// The names of the profiles, in the order of the configuration.
  package var profiles: [String] = []
  /// The deciders.
  package var deciders: [String: any StageDecider] = [:]
  /// The detectors that refer to no others.
  package var detectors: [String: any SaturationDetector] = [:]

  /// No plugins.
  package init() {}
}
