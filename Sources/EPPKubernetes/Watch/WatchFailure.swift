/// Reason why a list or a watch failed; it determines the next step.
package enum WatchFailure: Error, Hashable, Sendable {
  /// The server no longer keeps the resourceVersion (410).
  case expired
  /// The server has not reached the resourceVersion yet.
  case behind
  /// The server does not serve the resource (404).
  case missing
  /// The client has no permission (403).
  case forbidden
  /// The server does not accept the credentials (401).
  case unauthorized
  /// The server asks for a retry after some time (`Retry-After`).
  case busy(seconds: Int)
  /// There is no connection, no response in time, or an error of the server.
  case unreachable
  /// The watch has exceeded its longest duration.
  case silent
  /// The response does not have the form that the API defines, or is too large.
  case unreadable

  /// Whether only a change in the cluster can end the failure: the server does not serve the resource, or the client has no
  /// permission to read it.
  package var isUnavailability: Bool { self == .missing || self == .forbidden }

  /// Creates the failure from the status of a response or of an event in a watch.
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
        // Servers of 2020 give this reason only in the message.
        self = .behind
      } else if let seconds = status.retryAfterSeconds, seconds > 0 {
        self = .busy(seconds: seconds)
      } else {
        self = .unreachable
      }
    }
  }
}
