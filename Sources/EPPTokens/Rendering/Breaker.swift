import EPPCore

/// Leaves an engine alone that does not answer: after three failures running for a second, and twice as long each time it
/// fails again, up to half a minute.
struct Breaker: Sendable, Equatable {
  private static let tolerated = 3
  private static let shortest = Duration.seconds(1)
  private static let longest = Duration.seconds(30)

  private enum State: Equatable {
    /// Asked; with how many failures running.
    case closed(failures: Int)
    case open(until: MonotonicTime, pause: Duration)
    /// One tries the engine out; should its outcome never come, the next one may at `until`.
    case trying(until: MonotonicTime, pause: Duration)
  }

  private var state = State.closed(failures: 0)

  /// Whether the engine may be asked; for the first one who asks when the time is up, which tries it out.
  mutating func admits(now: MonotonicTime) -> Bool {
    switch state {
    case .closed: return true
    case .open(let until, let pause), .trying(let until, let pause):
      guard now >= until else { return false }
      state = .trying(until: now.advanced(by: pause), pause: pause)
      return true
    }
  }

  /// Whether `admits` would say so.
  func wouldAdmit(now: MonotonicTime) -> Bool {
    switch state {
    case .closed: true
    case .open(let until, _), .trying(let until, _): now >= until
    }
  }

  mutating func succeeded() { state = .closed(failures: 0) }

  mutating func failed(now: MonotonicTime) {
    switch state {
    case .closed(let failures) where failures + 1 < Self.tolerated: state = .closed(failures: failures + 1)
    case .closed: state = .open(until: now.advanced(by: Self.shortest), pause: Self.shortest)
    // Asked before the engine was left alone: many fail together then, which says no more than one of them.
    case .open: break
    case .trying(_, let pause):
      let longer = min(pause * 2, Self.longest)
      state = .open(until: now.advanced(by: longer), pause: longer)
    }
  }
}
