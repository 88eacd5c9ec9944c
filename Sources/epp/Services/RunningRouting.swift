import EPPConfiguration
import EPPRouting
import EPPScheduling
import Logging
import Synchronization

/// The configuration of routing of the running process, and its changes: by a reload, or of weights alone. Any thread may use it.
///
/// A change makes a new scheduler, which takes unchanged plugins over with their state, and sets it as the pipeline's; requests that
/// have begun finish with the old one.
final class RunningRouting: Sendable {
  private let pipeline: RequestPipeline
  private let assembly: RoutingAssembly
  /// The configuration as flags and file say it. Its lock is held while the pipeline's configuration is replaced, so that no change
  /// is lost.
  private let configured: Mutex<ServeConfiguration>
  private let logger: Logger

  /// - Parameters:
  ///   - configuration: the configuration of the start, which the pipeline has.
  ///   - pipeline: routes requests by the configuration that is changed.
  ///   - assembly: makes configurations of routing.
  init(
    _ configuration: ServeConfiguration, pipeline: RequestPipeline, assembly: RoutingAssembly, logger: Logger
  ) {
    self.pipeline = pipeline
    self.assembly = assembly
    self.logger = logger
    configured = Mutex(configuration)
  }

  /// The weights in force.
  var report: WeightReport {
    configured.withLock { report(of: pipeline.configuration.scheduler.configuration.profiles, $0) }
  }

  /// Changes weights until the next reload or start, all of them or none.
  func change(_ weights: [String: Double]) -> Result<WeightReport, WeightProblem> {
    configured.withLock { configured in
      let current = pipeline.configuration
      var scheduler = current.scheduler.configuration
      do throws(WeightProblem) {
        scheduler.profiles = try WeightChange.applied(weights, to: scheduler.profiles)
      } catch {
        return .failure(error)
      }
      pipeline.configuration = RoutingConfiguration(
        settings: current.settings,
        scheduler: assembly.scheduler(configured, scheduler, replacing: current.scheduler),
        prefixProducer: current.prefixProducer, timing: current.timing)
      logger.notice("weights were changed", metadata: ["scorers": .string(Self.text(scheduler.profiles))])
      return .success(report(of: scheduler.profiles, configured))
    }
  }

  /// Takes a configuration that was read again. What needs a restart stays as it is.
  ///
  /// - Returns: what has changed.
  func reload(_ configuration: ServeConfiguration) -> ConfigurationChange {
    configured.withLock { configured in
      let change = ConfigurationChange(from: configured, to: configuration)
      pipeline.configuration = assembly.make(configuration, replacing: pipeline.configuration.scheduler)
      configured = configuration
      return change
    }
  }

  private func report(of profiles: [ProfileConfiguration], _ configured: ServeConfiguration) -> WeightReport {
    WeightReport(
      inForce: profiles, configured: configured.scheduling.scheduler.profiles,
      source: configured.text?.origin.description)
  }

  private static func text(_ profiles: [ProfileConfiguration]) -> String {
    profiles.flatMap(\.scorers).map { "\($0.plugin.name)=\($0.weight)" }.joined(separator: " ")
  }
}
