/// How long to wait after failures in a row: `initial` after the first one, `factor` times as long after each further one, at most
/// `ceiling`.
///
/// A value without a clock: whoever waits adds the delay to the time that it has.
package struct Backoff: Sendable {
  /// The delay after the first failure, and the longest one.
  package let initial: Duration
  package let ceiling: Duration
  /// How much longer a delay is than the one before.
  package let factor: Int
  /// 0..<1: the share of each delay that is cut off.
  package let cut: Double

  /// The uncut delay; nil while nothing has failed.
  private var uncut: Duration?

  /// A back-off of something that has not failed.
  ///
  /// - Parameters:
  ///   - initial: the delay after the first failure; one above `ceiling` counts as `ceiling`.
  ///   - factor: how much longer a delay is than the one before, 1 or more.
  ///   - jitter: 0..<1: the largest share of a delay that is cut off, so that those who failed together do not come back together.
  ///   - place: 0..<1: how much of that share is cut off here. The caller draws it, so that tests repeat.
  package init(
    initial: Duration, ceiling: Duration, factor: Int = 2, jitter: Double = 0, place: Double = 0
  ) {
    self.initial = min(initial, ceiling)
    self.ceiling = ceiling
    self.factor = factor
    cut = jitter * place
  }

  /// The delay that counts since the last failure; nil while nothing has failed.
  package var delay: Duration? { uncut.map(shortened) }

  /// The delay that the next failure brings.
  package var next: Duration { shortened(uncutNext) }

  /// Something has failed; how long to wait.
  @discardableResult
  package mutating func fail() -> Duration {
    let next = uncutNext
    uncut = next
    return shortened(next)
  }

  /// Something has worked: the next failure is the first one.
  package mutating func reset() { uncut = nil }

  private var uncutNext: Duration { uncut.map { min($0 * factor, ceiling) } ?? initial }

  private func shortened(_ delay: Duration) -> Duration { cut == 0 ? delay : delay * (1 - cut) }
}
