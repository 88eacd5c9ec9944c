import EPPObservability
import EPPRouting
import EPPScheduling
import Logging
import Synchronization

/// The weights of the scorers of the running process. Any thread may use it.
///
/// A change makes a new profile of the same plugins, which are taken over with their state, and sets it as the pipeline's; requests
/// that have begun finish with the old one.
final class RunningWeights: Sendable {
  private let pipeline: RequestPipeline
  private let environment: PluginEnvironment
  private let timing: PluginTiming
  /// The profile as it is configured. Its lock is held while the pipeline's configuration is replaced, so that no change is lost.
  private let configured: Mutex<ProfileConfiguration>
  private let source: String?
  private let logger: Logger

  /// - Parameters:
  ///   - pipeline: routes requests by the profile that is changed.
  ///   - environment: what the profile's plugins share.
  ///   - timing: measures the plugins.
  ///   - source: the path of the configuration file, or `--config-text`; nil where there is none.
  init(
    pipeline: RequestPipeline, environment: PluginEnvironment, timing: PluginTiming, source: String?, logger: Logger
  ) {
    self.pipeline = pipeline
    self.environment = environment
    self.timing = timing
    self.source = source
    self.logger = logger
    configured = Mutex(pipeline.configuration.profile.configuration)
  }

  /// The weights in force.
  var report: WeightReport {
    configured.withLock { report(of: pipeline.configuration.profile.configuration, configured: $0) }
  }

  /// Changes weights until the next start, all of them or none.
  func change(_ weights: [String: Double]) -> Result<WeightReport, WeightProblem> {
    configured.withLock { configured in
      let current = pipeline.configuration
      let profile: ProfileConfiguration
      do throws(WeightProblem) {
        guard let changed = try WeightChange.applied(weights, to: [current.profile.configuration]).first else {
          return .success(report(of: current.profile.configuration, configured: configured))
        }
        profile = changed
      } catch {
        return .failure(error)
      }
      pipeline.configuration = RoutingConfiguration(
        settings: current.settings,
        profile: SchedulingProfile(profile, environment, replacing: current.profile, timing: timing),
        prefixProducer: current.prefixProducer)
      logger.notice("weights were changed", metadata: ["scorers": .string(Self.text(profile))])
      return .success(report(of: profile, configured: configured))
    }
  }

  private func report(of profile: ProfileConfiguration, configured: ProfileConfiguration) -> WeightReport {
    WeightReport(inForce: [profile], configured: [configured], source: source)
  }

  private static func text(_ profile: ProfileConfiguration) -> String {
    profile.scorers.map { "\($0.plugin.name)=\($0.weight)" }.joined(separator: " ")
  }
}
