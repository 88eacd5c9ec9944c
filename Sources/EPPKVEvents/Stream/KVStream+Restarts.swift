import EPPCore
import EPPPrefixCache
import Logging

/// Starts of the engine, and what looks like many of them.
extension KVStream {
  /// The start time of the engine's process has been learned. A later one than before is a restart.
  func noteStart(at time: Double) {
    // Only ever later: pages of several processes behind one port show now one time, now another.
    if let startTime, time <= startTime { return }
    // The page comes after the engine's messages: a restart that they have shown is this one.
    let isNews = startTime != nil && machine.restarts == restartsAtStart
    startTime = time
    if isNews { handle(.restarted) }
    restartsAtStart = machine.restarts
    // A snapshot says which process of the engine it is of.
    if machine.hasApplied { notePosition() }
  }

  /// The engine was started anew, or so it seems.
  func noteRestart() {
    let now = context.now()
    hashCheck = EngineHashCheck()
    guard restartLimit.note(now) else {
      if restartLimit.isTrusted(now) {
        context.logger.info("the engine was started anew: its cache is empty", metadata: metadata)
      }
      return
    }
    warn(
      .severalPublishers,
      "messages are numbered anew again and again: do several publishers send at one address? For a while each time they "
        + "are dropped, and the engine's cache is guessed from what is sent there")
    setFollowed(false)
    handle(.suspended)
  }

  /// Does what is due.
  func tickRestarts(_ now: MonotonicTime) {
    if restartLimit.endPause(now) { handle(.continued) }
  }
}
