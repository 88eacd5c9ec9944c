import NIOCore

/// What the exchanges of a run came to.
struct LoadStatistics: Sendable {
  /// Last byte of the request body sent to headers answered; in an open loop counted from the intended start.
  var pick = LatencyHistogram()
  /// Intended start to headers and whole body answered.
  var route = LatencyHistogram()
  /// Intended start to status.
  var exchange = LatencyHistogram()
  var completed: UInt64 = 0
  /// Of the completed, those that the server left before the response ended.
  var leftEarly: UInt64 = 0
  var chunks: UInt64 = 0
  /// Of the whole run, warm-up included.
  var failures: [ExchangeFailure: UInt64] = [:]
  /// Requests by group and destination.
  private(set) var picks: [[UInt64]]

  init(groups: Int) { picks = Array(repeating: [], count: groups) }

  mutating func recordCompleted(_ record: ExchangeRecord, leftEarly early: Bool, isOpenLoop: Bool, now: NIODeadline) {
    completed += 1
    if early { leftEarly += 1 }
    chunks += UInt64(record.chunks)
    if let picked = record.picked {
      let start = isOpenLoop ? record.intended : record.bodySent ?? picked
      pick.record(nanoseconds: (picked - start).nanoseconds)
    }
    if let routed = record.routed { route.record(nanoseconds: (routed - record.intended).nanoseconds) }
    exchange.record(nanoseconds: (now - record.intended).nanoseconds)
    guard let destination = record.destination else { return }
    while picks[record.group].count <= destination { picks[record.group].append(0) }
    picks[record.group][destination] += 1
  }

  /// Requests by destination, all groups together.
  func requests(byDestination destinations: [String]) -> [String: UInt64] {
    var totals: [String: UInt64] = [:]
    for group in picks {
      for (index, count) in group.enumerated() where count > 0 { totals[destinations[index], default: 0] += count }
    }
    return totals
  }

  /// Share of requests that went where most of their group went: 1 is perfect stickiness.
  var groupStickiness: Double {
    let total = picks.joined().reduce(0, +)
    let most = picks.reduce(0) { $0 + ($1.max() ?? 0) }
    return total > 0 ? Double(most) / Double(total) : 0
  }
}

/// The outcome of one run.
struct LoadResult: Sendable {
  var statistics: LoadStatistics
  var cost: ServerCost
  var destinations: [String]
  /// Exchanges open, or waiting to be opened, when the measured time was over.
  var unfinished: Int
}
