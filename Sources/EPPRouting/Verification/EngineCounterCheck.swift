import EPPPrefixCache

/// Compares the predictions for an endpoint's cache with the engine's own prefix cache counters, window by window. It needs
/// nothing from answers.
///
/// The counters do not distinguish requests, so only sums are compared, over windows in which nearly all of the engine's
/// prompts came from this process and were predicted by the engine's events.
struct EngineCounterCheck: Sendable {
  /// Cumulative counts, all in tokens.
  struct Reading: Sendable, Equatable {
    /// Looked up by the engine in its cache.
    var engineQueried: UInt64
    /// Found by the engine in its cache.
    var engineHits: UInt64
    /// Sent to the engine by this process.
    var sent: Int
    /// Sent to the engine with a prediction that rests on its events.
    var exact: Int
    /// Predicted to be in its cache.
    var predicted: Int
    /// Part of `predicted` that its events announced; the rest was routed there recently.
    var announced: Int
  }

  /// The result of a window.
  enum Verdict: Sendable, Equatable {
    case right(error: Double)
    /// The prediction was wrong. The contradiction is given when it has occurred often enough in a row to act on, else nil.
    case wrong(error: Double, CacheContradiction?)
    /// The engine found much in its cache, and no prompt matched what its events had announced.
    case nothingMatches
  }

  /// The shortest window in seconds, so that requests in progress at its ends are few in comparison.
  private static let seconds = 30
  /// The fewest looked-up tokens of a window.
  private static let tokens = 20_000
  /// The tolerated difference as a share of the looked-up tokens.
  private static let tolerated = 0.2

  private var start: Reading?
  private var age = 0
  private var wrongWindows = 0

  /// Adds a reading; to be called once a second. Nil while the window is open, and when it cannot be judged.
  mutating func note(_ reading: Reading) -> Verdict? {
    guard let start, reading.engineQueried >= start.engineQueried, reading.engineHits >= start.engineHits else {
      // The first one, or an engine that was started anew.
      self.start = reading
      age = 0
      return nil
    }
    age += 1
    let queried = Int(clamping: reading.engineQueried - start.engineQueried)
    guard age >= Self.seconds, queried >= Self.tokens else { return nil }
    self.start = reading
    age = 0
    let (sent, exact) = (reading.sent - start.sent, reading.exact - start.exact)
    let difference = Double(abs(queried - sent))
    guard difference <= Self.tolerated / 2 * Double(queried), Double(exact) >= 0.95 * Double(sent) else { return nil }
    let hits = Int(clamping: reading.engineHits - start.engineHits)
    // What was sent there a moment ago is known without its events.
    if reading.announced == start.announced, Double(hits) > Self.tolerated * Double(queried) { return .nothingMatches }
    let predicted = reading.predicted - start.predicted
    let error = Double(abs(hits - predicted)) / Double(queried)
    guard error > Self.tolerated else {
      wrongWindows = 0
      return .right(error: error)
    }
    wrongWindows += 1
    guard wrongWindows >= 2 else { return .wrong(error: error, nil) }
    wrongWindows = 0
    return .wrong(error: error, predicted > hits ? .holdsLess : .holdsMore)
  }
}
