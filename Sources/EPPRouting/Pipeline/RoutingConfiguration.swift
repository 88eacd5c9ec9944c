package import EPPScheduling

/// What requests are routed by: immutable, and put in the place of another one as a whole. A request reads it once.
package final class RoutingConfiguration: Sendable {
  package struct Settings: Sendable {
    /// How much of a prompt is matched, and the size of caches that nobody reports.
    package var prefix: PrefixSettings
    /// Whether all candidates' scores go into the answer.
    package var emitsScores = false
    /// Ignores the gateway's subset hint.
    package var ignoresSubset = false
    /// Whether what was just sent to an endpoint whose events are followed counts before it announces it.
    package var speculates = true
    /// Whether only what engines' events say counts for requests whose tokens are known: an engine without events holds
    /// nothing of them, and what is sent there is not entered.
    package var followsEventsAlone = false
    /// How long a request waits for its token ids.
    package var tokenDeadline: Duration

    package init(prefix: PrefixSettings = PrefixSettings(), tokenDeadline: Duration) {
      self.prefix = prefix
      self.tokenDeadline = tokenDeadline
    }
  }

  package let settings: Settings
  package let profile: SchedulingProfile
  /// The plugin that the prefix index belongs to, in the labels of its metrics.
  package let prefixProducer: ConfiguredPlugin

  package init(
    settings: Settings, profile: SchedulingProfile,
    prefixProducer: ConfiguredPlugin = ConfiguredPlugin(PrefixSettings.descriptor)
  ) {
    self.settings = settings
    self.profile = profile
    self.prefixProducer = prefixProducer
  }

  /// Headers of requests that its plugins read, lower case: they have to be kept.
  package var keptHeaders: [String] { profile.headerNames }

  /// Without a scorer: what a request has before it has read one.
  static let empty = RoutingConfiguration(
    settings: Settings(tokenDeadline: .zero), profile: SchedulingProfile.empty)
}
