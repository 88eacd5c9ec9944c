import EPPCore

/// A circuit breaker for one engine. It opens after three failures in a row, for one second, then admits one trial call; each
/// failed trial doubles the time, up to 30 seconds.
struct Breaker: Sendable {
  private static let tolerated = 3

  /// Numbers the states of the breaker: it changes when the breaker opens and when it admits a trial call.
  struct Generation: Sendable, Equatable {
    fileprivate var number = 0
  }

  private enum State {
    /// Calls are admitted. `failures` counts the failures in a row.
    case closed(failures: Int)
    /// No call is admitted before `until`.
    case open(until: MonotonicTime)
    /// A trial call is in progress. If its outcome does not come, the next one is admitted at `until`.
    case trying(until: MonotonicTime)
  }

  private var state = State.closed(failures: 0)
  /// How long the breaker stays open.
  private var backoff = Backoff(initial: .seconds(1), ceiling: .seconds(30))
  /// The generation of a call that is admitted now.
  private(set) var generation = Generation()

  /// Admits a call to the engine, and returns its generation for `failed`; nil when the engine must not be asked. After the
  /// time of an open breaker only the first call is admitted, as a trial.
  mutating func admit(now: MonotonicTime) -> Generation? {
    switch state {
    case .closed: return generation
    case .open(let until), .trying(let until):
      guard now >= until else { return nil }
      state = .trying(until: now.advanced(by: backoff.delay ?? backoff.initial))
      generation.number += 1
      return generation
    }
  }

  /// Whether `admit` would admit a call. Changes nothing.
  func wouldAdmit(now: MonotonicTime) -> Bool {
    switch state {
    case .closed: true
    case .open(let until), .trying(let until): now >= until
    }
  }

  /// Records an answer of the engine: closes the breaker, whenever the call was admitted.
  mutating func succeeded() {
    state = .closed(failures: 0)
    backoff.reset()
  }

  /// Records a failed call. A call of an earlier generation is ignored: when the breaker opens, many calls may be in progress,
  /// which fail later, some of them during a trial.
  ///
  /// - Parameter asker: The generation that `admit` returned for the call.
  mutating func failed(_ asker: Generation, now: MonotonicTime) {
    guard asker == generation else { return }
    switch state {
    case .closed(let failures) where failures + 1 < Self.tolerated: state = .closed(failures: failures + 1)
    case .closed, .trying:
      generation.number += 1
      state = .open(until: now.advanced(by: backoff.fail()))
    case .open: break
    }
  }
}
