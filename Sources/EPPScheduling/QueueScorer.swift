/// `queue-scorer`: (longest - own) / (longest - shortest) over the candidates' waiting queues; all equal gives 1.
package struct QueueScorer: Scorer {
  package init() {}

  package func score(_ context: borrowing SchedulingContext, into scores: inout [Double]) {
    MinMax.scoreLowerIsBetter(context.loads, { $0.queueDepth }, into: &scores)
  }
}

/// `running-requests-size-scorer`: the same over running requests.
package struct RunningRequestsScorer: Scorer {
  package init() {}

  package func score(_ context: borrowing SchedulingContext, into scores: inout [Double]) {
    MinMax.scoreLowerIsBetter(context.loads, { $0.runningRequests }, into: &scores)
  }
}

enum MinMax {
  /// (max - value) / (max - min); 1 for all when they are equal.
  static func scoreLowerIsBetter(
    _ loads: [SchedulingContext.CandidateLoad], _ value: (SchedulingContext.CandidateLoad) -> Int,
    into scores: inout [Double]
  ) {
    var least = Int.max
    var most = Int.min
    for load in loads {
      least = min(least, value(load))
      most = max(most, value(load))
    }
    for index in loads.indices {
      scores[index] = most > least ? Double(most - value(loads[index])) / Double(most - least) : 1
    }
  }
}
