package import EPPExtProc
package import EPPMetrics
package import EPPRouting
package import Logging
import Synchronization

/// What all ext_proc streams of the process share. Immutable, or safe for any thread.
package struct ExtProcSettings: Sendable {
  package var pool: Pool
  package var metrics: PickerMetrics
  package var limits: StreamLimits
  package var budget: BodyBudget
  /// From a stream's first message to its decision.
  package var requestDeadline: Duration
  /// How long a request waits for its token ids; nil when the pool has no source of them.
  package var tokenDeadline: Duration?
  package var responseProcessing: ResponseProcessing
  package var interest: HeaderInterest
  package var logger: Logger

  package init(
    pool: Pool, metrics: PickerMetrics, limits: StreamLimits, budget: BodyBudget, requestDeadline: Duration,
    tokenDeadline: Duration? = nil, responseProcessing: ResponseProcessing, interest: HeaderInterest, logger: Logger
  ) {
    self.pool = pool
    self.metrics = metrics
    self.limits = limits
    self.budget = budget
    self.requestDeadline = requestDeadline
    self.tokenDeadline = tokenDeadline
    self.responseProcessing = responseProcessing
    self.interest = interest
    self.logger = logger
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
