package import EPPScheduling

/// What an EndpointPickerConfig document says, checked.
package struct PickerConfigurationFile: Sendable, Equatable {
  package var profile: ProfileConfiguration
  package var prefix = PrefixSettings()
  /// Of `precise-prefix-cache-producer`; nil when the file has none.
  package var precise: PreciseCacheSettings?
  /// The header of `session-id-producer`, lower case; already part of `profile`.
  package var sessionHeader: String?
  /// The file of the `file-discovery` plugin that `dataLayer.discovery` names.
  package var endpointsFile: String?
  /// What is accepted and has no effect here, a sentence each.
  package var notes: [String] = []
}

/// Settings of the prefix index (`approx-prefix-cache-producer`).
package struct PrefixSettings: Sendable, Equatable {
  /// Tokens of a prompt that are looked up.
  package var maximumTokens = 131_072
  /// An engine's cache in tokens, where it does not say.
  package var defaultTokens = 500_000
  /// Whether the engine's own figure is used.
  package var learnsCacheSize = true

  package init() {}
}

extension ProfileConfiguration {
  /// Session ids come from this header wherever a scorer asks for session ids without naming one.
  mutating func readSessions(from header: String) {
    for index in scorers.indices {
      guard case .sessionAffinity(var parameters) = scorers[index].scorer,
        parameters.strategy == SessionAffinityParameters().strategy
      else { continue }
      parameters.strategy = .header(header)
      scorers[index].scorer = .sessionAffinity(parameters)
    }
  }
}
