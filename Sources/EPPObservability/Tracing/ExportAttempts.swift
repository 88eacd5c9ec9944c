import EPPCore

/// The result of one attempt to export a batch.
package enum ExportOutcome: Sendable, Equatable {
  /// The collector took the batch, except for some spans.
  case taken(rejected: Int, reason: String)
  /// It may take it later, after a time that it may have named.
  case later(reason: String, after: Duration?)
  /// It will not take it.
  case refused(reason: String)
}

/// The attempts to export one batch after the other: when the next one is due, and when a batch is given up. A value without a clock.
struct ExportAttempts {
  /// What follows an attempt.
  enum Step: Equatable {
    /// The batch is done with: so many of its spans are lost.
    case done(lost: Int)
    /// The same batch is tried again after this time.
    case again(after: Duration)
  }

  private let timeout: Duration
  private var backoff: Backoff
  /// When the first attempt with the current batch began; nil between batches.
  private var startedAt: MonotonicTime?
  /// Why the last attempt failed; nil when it did not.
  private(set) var failure: String?

  /// - Parameters:
  ///   - timeout: time after which a batch is given up.
  ///   - place: how much of the longest jitter the delays are shortened by, 0..<1.
  init(timeout: Duration, place: Double) {
    self.timeout = timeout
    backoff = Backoff(initial: .seconds(1), ceiling: .seconds(30), jitter: 0.5, place: place)
  }

  /// Notes that an attempt begins.
  mutating func begin(now: MonotonicTime) { startedAt = startedAt ?? now }

  /// Returns what follows an attempt with `count` spans.
  mutating func ended(_ outcome: ExportOutcome, count: Int, now: MonotonicTime) -> Step {
    switch outcome {
    case .taken(let rejected, let reason):
      failure = rejected > 0 ? reason : nil
      return finish(lost: min(count, rejected))
    case .refused(let reason):
      failure = reason
      return finish(lost: count)
    case .later(let reason, let named):
      failure = reason
      let delay = max(backoff.fail(), named ?? .zero)
      let end = (startedAt ?? now).advanced(by: timeout)
      return now.advanced(by: delay) < end ? .again(after: delay) : finish(lost: count, keepsDelay: true)
    }
  }

  /// Time to wait before the next batch, after one that was given up; nil for none.
  mutating func pause() -> Duration? { failure == nil ? nil : backoff.delay }

  private mutating func finish(lost: Int, keepsDelay: Bool = false) -> Step {
    startedAt = nil
    if !keepsDelay { backoff.reset() }
    return .done(lost: lost)
  }
}
