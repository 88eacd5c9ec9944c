package import EPPScheduling

/// The configuration of routing: immutable, replaced as a whole. Each request reads it once.
package final class RoutingConfiguration: Sendable {
  /// Settings besides scheduling.
  package struct Settings: Sendable {
    /// How much of a prompt is matched, and the assumed size of caches that engines do not report.
    package var prefix: PrefixSettings
    /// The APIs whose bodies are read for a model and a prompt; others are routed without.
    package var parsers = ParserSettings.standard
    /// Recognises the sessions of agents, which are the fairness ids of requests that name none; nil for no such ids.
    package var agents: AgentIdentity?
    /// Whether the scores of all candidates are sent to the gateway.
    package var emitsScores = false
    /// Whether the gateway's subset hint is ignored.
    package var ignoresSubset = false
    /// Whether prompts recently routed to an endpoint with followed events count before they are announced.
    package var speculates = true
    /// Whether prompts with known token ids are matched by engines' events only: an engine without events then holds nothing of
    /// them, and what is routed to it is not recorded.
    package var followsEventsAlone = false
    /// How long a request waits for its token ids.
    package var tokenDeadline: Duration

    package init(prefix: PrefixSettings = PrefixSettings(), tokenDeadline: Duration) {
      self.prefix = prefix
      self.tokenDeadline = tokenDeadline
    }
  }

  /// Settings besides scheduling.
  package let settings: Settings
  /// Chooses endpoints.
  package let scheduler: Scheduler
  /// The plugin that the prefix index belongs to, for the labels of its metrics.
  package let prefixProducer: ConfiguredPlugin

  /// Measures what the pipeline does for plugins; nil for no measurement.
  package let timing: PipelineTiming?

  package init(
    settings: Settings, scheduler: Scheduler,
    prefixProducer: ConfiguredPlugin = ConfiguredPlugin(PrefixSettings.descriptor), timing: PipelineTiming? = nil
  ) {
    self.timing = timing
    self.settings = settings
    self.scheduler = scheduler
    self.prefixProducer = prefixProducer
  }

  /// Request headers that plugins read, in lower case; they have to be kept.
  package var keptHeaders: [String] { scheduler.headerNames + (settings.agents?.headers ?? []) }

  /// A configuration without scorers, for a request that has not read one yet.
  static let empty = RoutingConfiguration(
    settings: Settings(tokenDeadline: .zero), scheduler: Scheduler.empty)
}
