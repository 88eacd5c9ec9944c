package import EPPCore

/// The stages that an endpoint serves, by its label `llm-d.ai/role`.
package struct EndpointRole: Sendable, Equatable {
  /// The label with the role.
  package static let label = "llm-d.ai/role"

  /// The stages; empty for an endpoint without the label, and for an unknown role.
  package let stages: Set<ServingStage>
  /// Whether the endpoint has the label.
  package let isLabelled: Bool

  /// The role of an endpoint. `both` is an older name of `prefill-decode`.
  package init(of endpoint: Endpoint) {
    let value = endpoint.labels[Self.label]
    isLabelled = value != nil
    stages =
      switch value {
      case "decode": [.decode]
      case "prefill": [.prefill]
      case "encode": [.encode]
      case "prefill-decode", "both": [.prefill, .decode]
      case "encode-prefill": [.encode, .prefill]
      case "encode-prefill-decode": [.encode, .prefill, .decode]
      default: []
      }
  }
}

extension MemberFilter {
  /// Keeps the endpoints that serve a stage.
  ///
  /// - Parameter allowsNoLabel: whether endpoints without a role are kept.
  init(serving stage: ServingStage, allowsNoLabel: Bool = false) {
    self.init { endpoint in
      let role = EndpointRole(of: endpoint)
      return role.stages.contains(stage) || (allowsNoLabel && !role.isLabelled)
    }
  }
}
