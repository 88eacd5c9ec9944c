import EPPCore

/// When a stream's replay socket may and has to be used; state that outlasts a single replay.
struct ReplayTiming: Sendable {
  private let configuration: KVEventsConfiguration
  private var pause: ReplayPause
  private var checks = ReplayCheckSchedule()
  private var isConnected = false

  init(_ configuration: KVEventsConfiguration) {
    self.configuration = configuration
    pause = ReplayPause(first: configuration.replayPause, longest: configuration.longestReplayPause)
  }

  /// Whether the socket may be used now.
  func mayAsk(_ now: MonotonicTime) -> Bool { pause.isOver(now) }

  /// Whether the socket may be used soon enough for messages to wait.
  func mayAskSoon(_ now: MonotonicTime) -> Bool { pause.isShort(now) }

  /// Records that the subscription is connected.
  mutating func connected(_ now: MonotonicTime) {
    isConnected = true
    checks.set(now.advanced(by: configuration.quietAfterConnect))
    // Another process may listen at the replay socket by now.
    pause.reset()
  }

  /// Records that the subscription is disconnected; the next connection starts with a replay.
  mutating func disconnected() {
    isConnected = false
    checks.cancel()
  }

  /// Records a live message.
  mutating func noteMessage(_ now: MonotonicTime) { checks.set(now.advanced(by: configuration.quietAfterMessage)) }

  /// Ends the pause, because what was known of the engine was dropped.
  mutating func reset() { pause.reset() }

  /// Records the end of a replay.
  mutating func noteEnd(_ end: ReplayEnd, hasBrought: Bool, _ now: MonotonicTime) {
    switch end {
    case .complete: pause.reset()
    case .brokenOff: if !hasBrought { pause.noteFailure(now) }
    case .excessive: pause.noteFailure(now)
    }
  }

  /// Starts a pause, because a replay did not contain the missing messages: it is not requested again with every gap.
  mutating func noteUseless(_ now: MonotonicTime) { pause.noteFailure(now) }

  /// Schedules a check, because a replay was not answered and no other one follows.
  mutating func noteUnanswered() { if isConnected { checks.noteUnanswered(pause) } }

  /// Whether to check now for missed messages. A check that is due is made once.
  ///
  /// - Parameter isUnconfirmed: whether only a replay can show that the engine is the same.
  mutating func takeCheck(_ now: MonotonicTime, isUnconfirmed: Bool) -> Bool {
    checks.take(now, isUnconfirmed: isConnected && isUnconfirmed, pause)
  }
}
