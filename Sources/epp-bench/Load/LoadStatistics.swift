import NIOCore

/// The counts and times of the exchanges of a run.
struct LoadStatistics: Sendable {
  /// Times from sending the last byte of the request body to the reply to the headers; in an open loop from the intended start.
  var pick = LatencyHistogram()
  /// Times from the intended start to the replies to headers and whole body.
  var route = LatencyHistogram()
  /// Times from the intended start to the status.
  var exchange = LatencyHistogram()
  /// Completed exchanges in the measured time.
  var completed: UInt64 = 0
  /// Completed exchanges that the server ended before the response.
  var leftEarly: UInt64 = 0
  /// Response chunks of completed exchanges.
  var chunks: UInt64 = 0
  /// Failed exchanges of the whole run, including the warm-up.
  var failures: [ExchangeFailure: UInt64] = [:]
  /// Completed exchanges by group and index of the destination.
  private(set) var picks: [[UInt64]]

  init(groups: Int) { picks = Array(repeating: [], count: groups) }

  /// Adds a completed exchange.
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

  /// Returns the completed exchanges of all groups by destination.
  func requests(byDestination destinations: [String]) -> [String: UInt64] {
    var totals: [String: UInt64] = [:]
    for group in picks {
      for (index, count) in group.enumerated() where count > 0 { totals[destinations[index], default: 0] += count }
    }
    return totals
  }

  /// Share of exchanges that went to the most frequent destination of their group, 0...1.
  var groupStickiness: Double {
    let total = picks.joined().reduce(0, +)
    let most = picks.reduce(0) { $0 + ($1.max() ?? 0) }
    return total > 0 ? Double(most) / Double(total) : 0
  }
}

/// The result of one run.
struct LoadResult: Sendable {
  /// Counts and times of the exchanges.
  var statistics: LoadStatistics
  /// CPU time and memory in the measured time.
  var cost: ServerCost
  /// Endpoints that the server has chosen, by index.
  var destinations: [String]
  /// Exchanges open, or waiting to be opened, at the end of the measured time.
  var unfinished: Int
}
