/// Delays after consecutive failures: `initial` after the first one, multiplied by `factor` after each further one, at most
/// `ceiling`.
///
/// Has no clock: the caller adds the delay to its own time.
package struct Backoff: Sendable {
  /// The delay after the first failure, before the cut.
  package let initial: Duration
  /// The longest delay, before the cut.
  package let ceiling: Duration
  /// The ratio of a delay to the one before.
  package let factor: Int
  /// The share of each delay that is cut off, 0..<1.
  package let cut: Double

  /// The current delay before the cut; nil while there is no failure.
  private var uncut: Duration?

  /// A back-off without failures.
  ///
  /// - Parameters:
  ///   - initial: the delay after the first failure; at most `ceiling`.
  ///   - ceiling: the longest delay.
  ///   - factor: the ratio of a delay to the one before, 1 or more.
  ///   - jitter: the largest share of a delay that is cut off, 0..<1, so that clients that failed together do not retry
  ///     together.
  ///   - place: how much of `jitter` is cut off here, 0..<1. The caller draws it, so that tests are repeatable.
  package init(
    initial: Duration, ceiling: Duration, factor: Int = 2, jitter: Double = 0, place: Double = 0
  ) {
    self.initial = min(initial, ceiling)
    self.ceiling = ceiling
    self.factor = factor
    cut = jitter * place
  }

  /// The delay after the last failure; nil while there is no failure.
  package var delay: Duration? { uncut.map(shortened) }

  /// The delay that the next failure will bring.
  package var next: Duration { shortened(uncutNext) }

  /// Counts a failure and returns the delay before the next attempt.
  @discardableResult
  package mutating func fail() -> Duration {
    let next = uncutNext
    uncut = next
    return shortened(next)
  }

  /// Forgets all failures, after a success.
  package mutating func reset() { uncut = nil }

  private var uncutNext: Duration { uncut.map { min($0 * factor, ceiling) } ?? initial }

  private func shortened(_ delay: Duration) -> Duration { cut == 0 ? delay : delay * (1 - cut) }
}
