import EPPCore
import ZeroMQ

/// A replay that has been asked for: its socket and what it has brought.
struct ReplayRequest {
  let socket: Socket
  let startedAt: MonotonicTime
  /// When it was asked for, or brought something last.
  var heardAt: MonotonicTime
  /// What has come, readable or not.
  var messages = 0
  /// Messages that were news.
  var applied = 0
}
