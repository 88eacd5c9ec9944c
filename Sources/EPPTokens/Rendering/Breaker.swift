import EPPCore

/// Leaves an engine alone that does not answer: after three failures running for a second, and twice as long each time it
/// fails again, up to half a minute.
struct Breaker: Sendable {
  private static let tolerated = 3

  /// Those who were admitted under the same circumstances: until the engine was left alone, or as the one who tries it out.
  struct Generation: Sendable, Equatable {
    fileprivate var number = 0
  }

  private enum State {
    /// Asked; with how many failures running.
    case closed(failures: Int)
    case open(until: MonotonicTime)
    /// One tries the engine out; should its outcome never come, the next one may at `until`.
    case trying(until: MonotonicTime)
  }

  private var state = State.closed(failures: 0)
  /// How long the engine is left alone.
  private var backoff = Backoff(initial: .seconds(1), ceiling: .seconds(30))
  /// The one that a call which is admitted at present belongs to.
  private(set) var generation = Generation()

  /// What the asker belongs to, when the engine may be asked; of those who ask when the time is up the first one alone, which
  /// tries it out.
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

  /// Whether `admit` would say so.
  func wouldAdmit(now: MonotonicTime) -> Bool {
    switch state {
    case .closed: true
    case .open(let until), .trying(let until): now >= until
    }
  }

  /// An answer says that the engine does answer, whenever it was asked.
  mutating func succeeded() {
    state = .closed(failures: 0)
    backoff.reset()
  }

  /// A call from before the engine was left alone says nothing new by failing later: many fail together then, and some
  /// while another tries it out.
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
