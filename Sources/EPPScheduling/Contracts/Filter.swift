/// When a filter is asked.
package enum FilterPhase: Sendable {
  /// Before the prompt is looked up: which endpoints the request may go to at all.
  case eligibility
  /// After it: which of them are good enough, by what they hold and how busy they are.
  case preference
}

/// Narrows the endpoints that a request may go to. Asked on the request's thread; does not block.
package protocol Filter: Sendable {
  var phase: FilterPhase { get }
  /// Says which candidates stay. Leaving none means that the request is not routed.
  func filter(_ context: borrowing SchedulingContext, _ selection: inout CandidateSelection)
  /// Who is told of picks and answers; nil, the default, is told nothing.
  var observer: (any RequestObserver)? { get }
}

extension Filter {
  package var observer: (any RequestObserver)? { nil }
}

/// Which candidates a filter leaves: all, until it says otherwise.
package struct CandidateSelection {
  /// Positions in `context.candidates`, ascending; meaningful once `isNarrowed` is true.
  private(set) var kept: [Int] = []
  private(set) var isNarrowed = false

  package init() {}

  /// Keeps those positions of `context.candidates` for which the answer is yes, and that were not removed before.
  package mutating func keep(_ context: borrowing SchedulingContext, where isWanted: (Int) -> Bool) {
    if isNarrowed {
      kept.removeAll { !isWanted($0) }
    } else {
      isNarrowed = true
      for position in context.candidates.indices where isWanted(position) { kept.append(position) }
    }
  }

  mutating func reset() {
    isNarrowed = false
    kept.removeAll(keepingCapacity: true)
  }
}
