/// When a filter is applied.
package enum FilterPhase: Sendable {
  /// Before the prompt is looked up in the prefix index: which endpoints the request may be sent to at all.
  case eligibility
  /// After the look-up: which of the eligible endpoints are good enough, by their cached prefixes and their load.
  case preference
}

/// Narrows the candidates of a request. Called on the request's thread; does not block.
package protocol Filter: Sendable {
  /// When the filter is applied. The prefix matches in the context are empty in the phase `eligibility`.
  var phase: FilterPhase { get }
  /// Removes candidates. If none is left, the request is rejected.
  func filter(_ context: borrowing SchedulingContext, _ selection: inout CandidateSelection)
  /// Notified of picks; nil, the default, for none.
  var observer: (any RequestObserver)? { get }
}

extension Filter {
  package var observer: (any RequestObserver)? { nil }
}

/// The candidates that a filter leaves: all of them until `keep` is called.
package struct CandidateSelection {
  /// Positions in `context.candidates`, ascending; meaningful once `isNarrowed` is true.
  private(set) var kept: [Int] = []
  /// Whether `keep` has been called.
  private(set) var isNarrowed = false

  /// A selection of all candidates.
  package init() {}

  /// Keeps the positions of `context.candidates` for which `isWanted` is true and that were not removed before.
  package mutating func keep(_ context: borrowing SchedulingContext, where isWanted: (Int) -> Bool) {
    if isNarrowed {
      kept.removeAll { !isWanted($0) }
    } else {
      isNarrowed = true
      for position in context.candidates.indices where isWanted(position) { kept.append(position) }
    }
  }

  /// Selects all candidates again.
  mutating func reset() {
    isNarrowed = false
    kept.removeAll(keepingCapacity: true)
  }
}
