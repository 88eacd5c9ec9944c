import EPPCore

/// Leaves an engine alone that does not answer: after three failures running for a second, and twice as long each time it
/// fails again.
struct Breaker: Sendable {
  private static let tolerated = 3
  private static let shortest = Duration.seconds(1)
  private static let longest = Duration.seconds(30)

  private var failures = 0
  private var openUntil: MonotonicTime?
  private var pause = Breaker.shortest

  /// Whether the engine may be asked; for the first one who asks when the time is up, which tries it out.
  mutating func admits(now: MonotonicTime) -> Bool {
    guard let until = openUntil else { return true }
    guard now >= until else { return false }
    // Others wait for what becomes of this one.
    openUntil = now.advanced(by: pause)
    return true
  }

  mutating func succeeded() { self = Breaker() }

  mutating func failed(now: MonotonicTime) {
    failures += 1
    guard failures >= Self.tolerated else { return }
    if openUntil != nil { pause = min(pause * 2, Self.longest) }
    openUntil = now.advanced(by: pause)
  }
}
