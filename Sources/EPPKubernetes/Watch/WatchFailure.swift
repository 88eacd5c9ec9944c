/// Why a list or a watch has not worked, as far as it matters for what is done next.
package enum WatchFailure: Error, Hashable, Sendable {
  /// The version is no longer kept (410).
  case expired
  /// The server does not know the version yet.
  case behind
  /// The server has no such resource (404).
  case missing
  /// The server forbids it (403).
  case forbidden
  /// The server does not accept who asks (401).
  case unauthorized
  /// The server has no time and says for how long.
  case busy(seconds: Int)
  /// No connection, or no answer in time, or an error of the server.
  case unreachable
  /// A watch has outlived its time.
  case silent
  /// The answer is not what the API promises, or larger than allowed.
  case unreadable

  /// What a status means, of an answer or of an event in a watch.
  package init(_ status: KubernetesStatus) {
    switch status.code {
    case 410: self = .expired
    case 404: self = .missing
    case 403: self = .forbidden
    case 401: self = .unauthorized
    default:
      if status.reason == "Expired" || status.reason == "Gone" {
        self = .expired
      } else if status.causes.contains("ResourceVersionTooLarge")
        || status.message.contains("Too large resource version")
      {
        // Servers of 2020 say it in the message only.
        self = .behind
      } else if let seconds = status.retryAfterSeconds, seconds > 0 {
        self = .busy(seconds: seconds)
      } else {
        self = .unreachable
      }
    }
  }
}
