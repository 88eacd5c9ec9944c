package import EPPCore

/// Which streams may ask for a replay: so many at a time, one after the other.
package struct ReplayTurns: Sendable {
  private let maximum: Int
  private let longest: Duration
  private var running = 0
  /// Streams that are known to miss something come before those that only check whether they do.
  private var urgent: [UInt64] = []
  private var others: [UInt64] = []

  /// - Parameter longest: how long a turn may take while others wait for theirs.
  package init(maximum: Int, longest: Duration) {
    self.maximum = maximum
    self.longest = longest
  }

  /// A stream wants to ask; `next` names it when it may.
  package mutating func enqueue(_ stream: UInt64, isUrgent: Bool) {
    if isUrgent { urgent.append(stream) } else { others.append(stream) }
  }

  /// Takes a stream out of the queue.
  package mutating func remove(_ stream: UInt64) {
    urgent.removeAll { $0 == stream }
    others.removeAll { $0 == stream }
  }

  /// A stream's turn has ended.
  package mutating func end() { running -= 1 }

  /// Whether a turn that began then has to end, because others wait: engines that answer slowly would hold all
  /// turns for as long as a replay may take at all.
  package func isOver(_ start: MonotonicTime, _ now: MonotonicTime) -> Bool {
    running >= maximum && !(urgent.isEmpty && others.isEmpty) && now >= start.advanced(by: longest)
  }

  /// Grants free turns: the streams whose turn begins.
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
