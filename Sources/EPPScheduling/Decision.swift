/// What was decided for a request, and why. Positions are candidate indices of the snapshot.
package struct Decision: Sendable, Equatable {
  /// Where to send it, best first; the gateway tries them in order.
  package var picks: [Int]
  /// The pick's weighted sum.
  package var score: Double
  /// The best of the others; nil when there is no other.
  package var runnerUp: Int?
  /// The scorer with the largest weighted advantage of the pick over the runner-up; nil when they were equal.
  package var decidingScorer: String?
  /// Blocks of the prompt that the pick is taken to hold, and blocks in all.
  package var matchedBlocks: Int
  package var totalBlocks: Int
  /// Endpoints that the scorers were asked about.
  package var candidateCount: Int
}
