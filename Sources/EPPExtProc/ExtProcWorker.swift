package import EPPCore
package import EPPMetrics
package import EPPRouting
package import EPPTracing
package import Logging
import Synchronization

/// Settings and objects that all ext_proc streams of the process share. Any thread may use them.
package struct ExtProcSettings: Sendable {
  /// Routes requests.
  package var pipeline: RequestPipeline
  /// The metrics of the process.
  package var metrics: PickerMetrics
  /// Limits of one stream.
  package var limits: StreamLimits
  /// Limits the memory of all request bodies.
  package var budget: BodyBudget
  /// Longest time from a stream's first message to its decision.
  package var requestDeadline: Duration
  /// Which streams go on until the end of the response.
  package var responseProcessing: ResponseProcessing
  /// Makes the header that signs those to a sidecar among the headers of a decision, nil where there are none; nil signs nothing.
  package var sign: (@Sendable (_ headers: [RequestHeaders.Field], _ now: MonotonicTime) -> RequestHeaders.Field?)?
  /// Begins the traces of requests; nil records none.
  package var tracing: RequestTracing?
  /// The logger of warnings about the gateway.
  package var logger: Logger
  /// Warnings that are logged once in the life of the process.
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

  /// Warnings about body modes of the gateway.
  struct Warnings: Sendable {
    /// The gateway sends request bodies after the decision, or not at all.
    let promptsUnseen = OneTimeWarning(
      "the gateway's request_body_mode keeps prompts from the picker until it is too late (NONE or STREAMED): requests "
        + "are routed from their headers alone, without prefix affinity; set FULL_DUPLEX_STREAMED or BUFFERED")
    /// The gateway sends no response bodies, although a model's name has to be restored in them.
    let answersUnseen = OneTimeWarning(
      "the gateway's response_body_mode keeps answers from the picker (NONE): answers to requests whose model was rewritten "
        + "name the rewritten model, not the client's; set FULL_DUPLEX_STREAMED for the routes of such models")
  }
}

/// A warning that is logged once in the life of the process. Any thread may use it.
final class OneTimeWarning: Sendable {
  private let isSaid = Atomic<Bool>(false)
  private let message: String

  init(_ message: String) { self.message = message }

  /// Logs the message at the first call; does nothing at later calls.
  func say(_ logger: Logger) {
    if !isSaid.exchange(true, ordering: .relaxed) { logger.warning("\(message)") }
  }
}

/// The state that the ext_proc streams of one thread share. Use it on its thread only.
package final class ExtProcWorker {
  /// The settings of all streams of the process.
  package let settings: ExtProcSettings
  /// Memory that routing reuses from request to request.
  var scratch: RoutingScratch
  private var streamCount: UInt64 = 0

  /// Makes the worker of a thread.
  package init(_ settings: ExtProcSettings) {
    self.settings = settings
    scratch = settings.pipeline.makeScratch()
  }

  /// A number that changes with each new configuration.
  package var configurationRevision: UInt64 { settings.pipeline.revision }

  /// Lower-case names of request headers that the current configuration reads in addition to those of the protocol.
  package var keptHeaders: [String] {
    settings.pipeline.configuration.keptHeaders + (settings.tracing == nil ? [] : RequestTracing.headers)
  }

  /// Makes the session of a new stream.
  ///
  /// - Parameter metadata: The value that the gateway has sent with the stream under a name; nil for none.
  package func makeSession(now: MonotonicTime, metadata: (_ name: String) -> String?) -> ExtProcSession {
    streamCount &+= 1
    let seesResponse =
      switch settings.responseProcessing {
      case .full: true
      case .sampled: streamCount % ResponseProcessing.sampleInterval == 0
      case .none: false
      }
    return ExtProcSession(
      worker: self, machine: StreamStateMachine(limits: settings.limits, seesResponse: seesResponse), startedAt: now,
      trace: StreamTrace(isOn: settings.tracing != nil, metadata: metadata))
  }
}
