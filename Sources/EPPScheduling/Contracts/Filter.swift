/// Narrows the candidates of a request. Called on the request's thread; does not block.
package protocol Filter: Sendable {
  /// Removes candidates. If none is left, the profile picks no endpoint.
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

  /// Keeps the positions for which `isWanted` is true; if there is none, all of them.
  package mutating func prefer(_ context: borrowing SchedulingContext, where isWanted: (Int) -> Bool) {
    keep(context, where: isWanted)
    if kept.isEmpty { reset() }
  }

  /// Selects all candidates again.
  mutating func reset() {
    isNarrowed = false
    kept.removeAll(keepingCapacity: true)
  }
}
