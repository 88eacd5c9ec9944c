import EPPCore
import ZeroMQ

/// A replay that has been asked for: its socket and what it has brought.
struct ReplayRequest {
  let socket: Socket
  let startedAt: MonotonicTime
  var silence: ReplaySilence
  /// What has come, readable or not.
  var messages = 0
  /// Messages that were news.
  var applied = 0

  init(socket: Socket, startedAt: MonotonicTime) {
    self.socket = socket
    self.startedAt = startedAt
    silence = ReplaySilence(askedAt: startedAt)
  }
}
