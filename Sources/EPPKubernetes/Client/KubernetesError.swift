/// Reason why a request to the API server failed.
package enum KubernetesError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The server answered with an HTTP status other than success, which is `code`.
  case status(KubernetesStatus)
  /// There is no connection, or it was lost; with the HTTP client's description.
  case connection(String)
  /// The response did not begin or end within its time limit.
  case timedOut
  /// The response, or a line of a watch, has more than `limit` bytes.
  case tooLarge(limit: Int)
  /// The response does not have the form that the API defines; with a description.
  case unreadable(String)
  /// The task was cancelled.
  case cancelled

  /// The status of a failed response; nil for other errors.
  package var status: KubernetesStatus? { if case .status(let status) = self { status } else { nil } }

  package var description: String {
    switch self {
    case .status(let status):
      "the API server answers \(status.code)\(status.reason.isEmpty ? "" : " " + status.reason)"
        + (status.message.isEmpty ? "" : ": " + status.message)
    case .connection(let problem): "no connection to the API server: \(problem)"
    case .timedOut: "the API server has not answered in time"
    case .tooLarge(let limit): "the answer of the API server has more than \(limit) bytes"
    case .unreadable(let problem): "the answer of the API server cannot be read: \(problem)"
    case .cancelled: "the request was cancelled"
    }
  }
}

extension WatchFailure {
  /// Creates the failure of a list or a watch from an error. `cancelled` becomes `silent`, because a watch is cancelled when
  /// it has exceeded its time.
  package init(_ error: KubernetesError) {
    switch error {
    case .status(let status): self.init(status)
    case .connection, .timedOut: self = .unreachable
    case .tooLarge, .unreadable: self = .unreadable
    case .cancelled: self = .silent
    }
  }
}
