import EPPConfiguration
import EPPCore
import EPPDataLayer
import EPPMetrics
import EPPPrefixCache
import EPPRouting
import EPPScheduling

/// Makes the configuration of routing from the flags and the configuration file. Any thread may use it.
struct RoutingAssembly: Sendable {
  /// The secret of block keys and sessions.
  let seed: HashSeed
  /// Where plugins count.
  let metrics: PickerMetrics
  /// The sessions of all configurations.
  let sessions: SessionServices
  /// Whether token ids of prompts are looked for.
  let findsTokens: Bool

  /// Makes the configuration of requests from now on.
  ///
  /// - Parameter predecessor: the scheduler that is replaced; unchanged plugins are taken over with their state.
  func make(_ configuration: ServeConfiguration, replacing predecessor: Scheduler? = nil) -> RoutingConfiguration {
    var settings = RoutingConfiguration.Settings(
      prefix: configuration.scheduling.prefix, tokenDeadline: configuration.cache.tokenDeadline)
    settings.parsers = ParserSettings(of: configuration.scheduling.parsers)
    settings.agents = configuration.scheduling.agents
    settings.emitsScores = configuration.scheduling.emitsScores
    settings.ignoresSubset = configuration.scheduling.ignoresSubset
    settings.speculates = configuration.cache.speculates
    settings.followsEventsAlone = configuration.cache.mode == .precise
    return RoutingConfiguration(
      settings: settings,
      scheduler: scheduler(configuration, configuration.scheduling.scheduler, replacing: predecessor),
      prefixProducer: configuration.scheduling.prefixProducer,
      timing: PipelineTiming(
        timing, parsers: configuration.scheduling.parsers,
        prefixProducer: configuration.scheduling.prefixProducer,
        tokenProducer: findsTokens ? configuration.scheduling.tokenProducer : nil))
  }

  /// Makes a scheduler with the environment of a configuration.
  func scheduler(
    _ configuration: ServeConfiguration, _ scheduler: SchedulerConfiguration, replacing predecessor: Scheduler?
  ) -> Scheduler {
    let scheduling = configuration.scheduling
    return Scheduler(
      scheduler,
      PluginEnvironment(
        seed: seed, sessionHeader: scheduling.sessionHeader ?? HeaderName.sessionID,
        prefixViews: scheduling.prefixViews, metrics: metrics,
        sessions: SessionEnvironment(services: sessions, attributes: scheduling.sessionAttributes)),
      replacing: predecessor, timing: timing)
  }

  private var timing: PluginTiming { PluginTiming(metrics: metrics, now: MonotonicTime.now) }
}
