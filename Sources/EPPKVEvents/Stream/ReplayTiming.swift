import EPPCore

/// When a stream's replay socket may be asked, and when it has to be: what outlasts a single replay.
struct ReplayTiming: Sendable {
  private let configuration: KVEventsConfiguration
  private var pause: ReplayPause
  private var checks = ReplayCheckSchedule()
  private var isConnected = false

  init(_ configuration: KVEventsConfiguration) {
    self.configuration = configuration
    pause = ReplayPause(first: configuration.replayPause, longest: configuration.longestReplayPause)
  }

  /// Whether the socket may be asked.
  func mayAsk(_ now: MonotonicTime) -> Bool { pause.isOver(now) }

  /// Whether it may be asked so soon that messages can wait for it.
  func mayAskSoon(_ now: MonotonicTime) -> Bool { pause.isShort(now) }

  /// The subscription is up.
  mutating func connected(_ now: MonotonicTime) {
    isConnected = true
    checks.set(now.advanced(by: configuration.quietAfterConnect))
    // Another process may listen at the replay socket by now.
    pause.reset()
  }

  /// The subscription is down: the next connection begins with a replay.
  mutating func disconnected() {
    isConnected = false
    checks.cancel()
  }

  /// A live message has come.
  mutating func noteMessage(_ now: MonotonicTime) { checks.set(now.advanced(by: configuration.quietAfterMessage)) }

  /// What is known of the engine was dropped: what failed before says nothing about what comes.
  mutating func reset() { pause.reset() }

  /// A replay has ended.
  mutating func noteEnd(_ end: ReplayEnd, hasBrought: Bool, _ now: MonotonicTime) {
    switch end {
    case .complete: pause.reset()
    case .brokenOff: if !hasBrought { pause.noteFailure(now) }
    case .excessive: pause.noteFailure(now)
    }
  }

  /// A replay did not have what was missing: no reason to ask it with every message that leaves a gap.
  mutating func noteUseless(_ now: MonotonicTime) { pause.noteFailure(now) }

  /// A replay was not answered, and no other one follows: what it was to show is to be checked later.
  mutating func noteUnanswered() { if isConnected { checks.noteUnanswered(pause) } }

  /// Whether to check now whether there was more; a check that is due is made once.
  ///
  /// - Parameter isUnconfirmed: whether only a replay can show that the engine is the same.
  mutating func takeCheck(_ now: MonotonicTime, isUnconfirmed: Bool) -> Bool {
    checks.take(now, isUnconfirmed: isConnected && isUnconfirmed, pause)
  }
}
