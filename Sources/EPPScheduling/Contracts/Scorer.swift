/// Ranks endpoints for one request.
///
/// A scorer is asked once per request about all candidates, on the request's thread; it neither blocks nor keeps state
/// of its own between requests beyond what its type documents.
package protocol Scorer: Sendable {
  /// Writes a score for each candidate, in the order of `context.candidates`.
  ///
  /// - Parameter scores: as many as candidates, all 0, which is the answer of a scorer that has no opinion; 1 is best.
  ///   Values outside 0...1 are clamped, NaN counts as 0.
  func score(_ context: borrowing SchedulingContext, into scores: inout [Double])

  /// Who is told of picks and answers; nil, the default, is told nothing.
  var observer: (any RequestObserver)? { get }
}

extension Scorer {
  package var observer: (any RequestObserver)? { nil }
}
