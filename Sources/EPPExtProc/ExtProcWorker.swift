package import EPPCore
package import EPPMetrics
package import EPPRouting
package import Logging
import Synchronization

/// What all ext_proc streams of the process share. Immutable, or safe for any thread.
package struct ExtProcSettings: Sendable {
  package var pipeline: RequestPipeline
  package var metrics: PickerMetrics
  package var limits: StreamLimits
  package var budget: BodyBudget
  /// From a stream's first message to its decision.
  package var requestDeadline: Duration
  package var responseProcessing: ResponseProcessing
  package var logger: Logger
  /// What is said once in the life of the process, by whichever worker meets it first.
  let warnings = Warnings()

  package init(
    pipeline: RequestPipeline, metrics: PickerMetrics, limits: StreamLimits, budget: BodyBudget,
    requestDeadline: Duration, responseProcessing: ResponseProcessing, logger: Logger
  ) {
    self.pipeline = pipeline
    self.metrics = metrics
    self.limits = limits
    self.budget = budget
    self.requestDeadline = requestDeadline
    self.responseProcessing = responseProcessing
    self.logger = logger
  }

  struct Warnings: Sendable {
    let promptsUnseen = OneTimeWarning(
      "the gateway's request_body_mode keeps prompts from the picker until it is too late (NONE or STREAMED): requests "
        + "are routed from their headers alone, without prefix affinity; set FULL_DUPLEX_STREAMED or BUFFERED")
    let answersUnseen = OneTimeWarning(
      "the gateway's response_body_mode keeps answers from the picker (NONE): answers to requests whose model was rewritten "
        + "name the rewritten model, not the client's; set FULL_DUPLEX_STREAMED for the routes of such models")
  }
}

/// Says a thing once in the life of the process.
final class OneTimeWarning: Sendable {
  private let isSaid = Atomic<Bool>(false)
  private let message: String

  init(_ message: String) { self.message = message }

  func say(_ logger: Logger) {
    if !isSaid.exchange(true, ordering: .relaxed) { logger.warning("\(message)") }
  }
}

/// What the ext_proc streams of one thread share: what routing keeps between requests.
package final class ExtProcWorker {
  package let settings: ExtProcSettings
  var scratch: RoutingScratch
  private var streamCount: UInt64 = 0

  package init(_ settings: ExtProcSettings) {
    self.settings = settings
    scratch = settings.pipeline.makeScratch()
  }

  /// Changes with each new configuration.
  package var configurationRevision: UInt64 { settings.pipeline.revision }

  /// Headers of requests that the configuration in force reads beside those of the protocol, lower case.
  package var keptHeaders: [String] { settings.pipeline.configuration.keptHeaders }

  /// A session for a stream that has begun.
  package func makeSession(now: MonotonicTime) -> ExtProcSession {
    streamCount &+= 1
    let seesResponse =
      switch settings.responseProcessing {
      case .full: true
      case .sampled: streamCount % ResponseProcessing.sampleInterval == 0
      case .none: false
      }
    return ExtProcSession(
      worker: self, machine: StreamStateMachine(limits: settings.limits, seesResponse: seesResponse), startedAt: now)
  }
}
