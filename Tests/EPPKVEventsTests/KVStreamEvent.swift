import EPPCore
import EPPKVEvents
import EPPPrefixCache

/// What can happen to a stream, as a value, for tests that list or draw events. No time passes.
enum KVStreamEvent: Sendable, Equatable {
  case connected
  case message(KVMessageID, canWait: Bool)
  case replayed(KVMessageID)
  case replayEnded(ReplayEnd)
  case quiet
  case restarted
  case mistrusted(CacheContradiction)
  case cleared(by: UInt64)
  case unreadable
  case suspended
  case continued
}

extension KVStreamStateMachine {
  mutating func handle(_ event: KVStreamEvent, at now: MonotonicTime = MonotonicTime(nanoseconds: 0))
    -> [KVStreamAction]
  {
    switch event {
    case .connected: return connected(at: now)
    case .message(let message, let canWait): return self.message(message, canWait: canWait, at: now)
    case .replayed(let message): return replayed(message, at: now)
    case .replayEnded(let end): return replayEnded(end, at: now)
    case .quiet: return quiet()
    case .restarted: return restarted()
    case .mistrusted(let contradiction): return mistrusted(contradiction)
    case .cleared(let number): cleared(by: number)
    case .unreadable: unreadable()
    case .suspended: return suspend()
    case .continued: return endSuspension()
    }
    return []
  }
}
