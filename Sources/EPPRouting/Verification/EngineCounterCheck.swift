import EPPPrefixCache

/// Holds what was predicted of an endpoint's cache against the engine's own prefix-cache counters, window by window: the
/// check that needs nothing of the answers.
///
/// The counters know nothing of single requests, so only sums are compared, of windows in which nearly all of the engine's
/// prompts came from here and were predicted by its own events.
struct EngineCounterCheck: Sendable {
  /// Counts since the start, all in tokens.
  struct Reading: Sendable, Equatable {
    /// Looked up by the engine, and found in its cache.
    var engineQueried: UInt64
    var engineHits: UInt64
    /// Sent to it from here; of these, predicted by its own events; and predicted to be in its cache.
    var sent: Int
    var exact: Int
    var predicted: Int
    /// Of the predicted ones, announced by its own events; the rest was sent there a moment before.
    var announced: Int
  }

  /// What follows from a window.
  enum Verdict: Sendable, Equatable {
    case right(error: Double)
    /// Wrong, and not for the first time in a row where it says how.
    case wrong(error: Double, CacheContradiction?)
    /// The engine found much in its cache, and nothing of what was sent there was among what its events had announced.
    case nothingMatches
  }

  /// Seconds and tokens that a window has at least: what is under way at its ends is little beside them.
  private static let seconds = 30
  private static let tokens = 20_000
  /// Share of the looked-up tokens by which the two may differ.
  private static let tolerated = 0.2

  private var start: Reading?
  private var age = 0
  private var wrongWindows = 0

  /// To be told once a second.
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
