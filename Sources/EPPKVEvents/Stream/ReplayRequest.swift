import EPPCore
import ZeroMQ

/// A replay that has been asked for: its socket and what it has brought.
struct ReplayRequest {
  let socket: Socket
  /// The number of the first message that was asked for.
  let start: UInt64
  let startedAt: MonotonicTime
  /// When it was asked for, or brought something last.
  var heardAt: MonotonicTime
  var messages = 0
  var bytes = 0
  /// How often it has been asked for.
  var attempts = 1
}
