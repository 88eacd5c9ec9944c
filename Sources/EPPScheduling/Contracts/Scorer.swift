/// Rates endpoints for one request.
///
/// Called once per request for all candidates, on the request's thread. Does not block, and keeps no state between requests
/// other than what its type documents.
package protocol Scorer: Sendable {
  /// Writes a score for each candidate, in the order of `context.candidates`.
  ///
  /// - Parameter scores: one element per candidate, initially 0, which is the score of a scorer without an opinion; 1 is best.
  ///   Values outside 0...1 are clamped, NaN counts as 0.
  func score(_ context: borrowing SchedulingContext, into scores: consuming MutableSpan<Double>)

  /// Notified of picks; nil, the default, for none.
  var observer: (any RequestObserver)? { get }
}

extension Scorer {
  package var observer: (any RequestObserver)? { nil }
}
