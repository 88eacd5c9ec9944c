/// The series of the sessions of one endpoint. Any thread may write to them.
package struct SessionSeries: Sendable {
  /// `epp_session_affinity_total{outcome="new"}`: requests of sessions that had no endpoint yet.
  package let new: Counter
  /// `epp_session_affinity_total{outcome="kept"}`: requests that were sent to their session's endpoint.
  package let kept: Counter
  /// `epp_session_affinity_total{outcome="moved"}`: requests that were sent here although their session was bound to another endpoint.
  package let moved: Counter
  /// `epp_sessions`: sessions that are bound to the endpoint. Set when the page is written.
  package let held: Gauge
}

/// `epp_session_tokens_ignored_total`: session tokens of requests that count for nothing, by `reason`.
package struct IgnoredSessionTokens: Sendable {
  /// Texts that are no token.
  package let malformed: Counter
  /// Tokens with a wrong signature.
  package let forged: Counter
  /// Tokens whose time is over.
  package let expired: Counter
  /// Tokens that are signed with an unknown key.
  package let foreign: Counter
}

extension PickerMetrics {
  /// The counters of ignored session tokens. They are on the page from the first call on.
  package func ignoredSessionTokens() -> IgnoredSessionTokens {
    let family = families.sessionTokensIgnored
    return IgnoredSessionTokens(
      malformed: family.cell(["malformed"]), forged: family.cell(["forged"]), expired: family.cell(["expired"]),
      foreign: family.cell(["foreign"]))
  }

  /// `epp_session_largest_address_share`. It is on the page from the first call on.
  package func largestAddressShare() -> Gauge { families.sessionAddressShare.cell([]) }
}
