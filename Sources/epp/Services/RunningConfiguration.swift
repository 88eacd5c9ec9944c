import EPPConfiguration
import EPPObservability
import EPPRouting
import EPPScheduling
import Synchronization

/// What is told of the configuration in force, for `GET /debug/config`. Any thread may use it.
final class RunningConfiguration: Sendable {
  private let pipeline: RequestPipeline
  private let report: Mutex<ConfigurationReport>

  /// - Parameters:
  ///   - report: the report of the start.
  ///   - pipeline: has the profile in force.
  init(_ report: ConfigurationReport, pipeline: RequestPipeline) {
    self.report = Mutex(report)
    self.pipeline = pipeline
  }

  /// Records that the configuration was read again.
  func update(_ change: (inout ConfigurationReport) -> Void) { report.withLock { change(&$0) } }

  /// The JSON document.
  func document() -> [UInt8] {
    var shown = report.withLock { $0 }
    shown.profiles = pipeline.configuration.scheduler.configuration.profiles.map { ConfigurationReport.Profile($0) }
    return JSONDocument.bytes(of: shown)
  }
}
