package import EPPCore

/// A queue that limits the number of simultaneous replays.
package struct ReplayTurns: Sendable {
  private let maximum: Int
  private let longest: Duration
  private var running = 0
  /// Streams with missing messages; they come before `others`.
  private var urgent: [UInt64] = []
  /// Streams that only check for missed messages.
  private var others: [UInt64] = []

  /// - Parameters:
  ///   - maximum: the largest number of simultaneous replays.
  ///   - longest: how long a turn may take while others wait.
  package init(maximum: Int, longest: Duration) {
    self.maximum = maximum
    self.longest = longest
  }

  /// Adds a stream to the queue; `next` returns it when its turn has come.
  package mutating func enqueue(_ stream: UInt64, isUrgent: Bool) {
    if isUrgent { urgent.append(stream) } else { others.append(stream) }
  }

  /// Removes a stream from the queue.
  package mutating func remove(_ stream: UInt64) {
    urgent.removeAll { $0 == stream }
    others.removeAll { $0 == stream }
  }

  /// Ends a stream's turn.
  package mutating func end() { running -= 1 }

  /// Whether a turn that started at `start` has to end because others wait. Otherwise engines that answer slowly would hold all
  /// turns for as long as a replay may take.
  package func isOver(_ start: MonotonicTime, _ now: MonotonicTime) -> Bool {
    running >= maximum && !(urgent.isEmpty && others.isEmpty) && now >= start.advanced(by: longest)
  }

  /// Grants free turns, and returns the streams whose turn starts.
  package mutating func next() -> [UInt64] {
    let free = max(0, maximum - running)
    let first = urgent.prefix(free)
    let second = others.prefix(free - first.count)
    urgent.removeFirst(first.count)
    others.removeFirst(second.count)
    running += first.count + second.count
    return Array(first) + second
  }
}
