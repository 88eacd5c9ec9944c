/// Why a request to the API server has brought nothing.
package enum KubernetesError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The server answered with a status that is no success; `code` is that of HTTP.
  case status(KubernetesStatus)
  /// There is no connection, or it was lost.
  case connection(String)
  /// The answer, or its end, has not come in time.
  case timedOut
  /// The answer, or a line of a watch, has more bytes than `limit`.
  case tooLarge(limit: Int)
  /// The answer is not what the API promises.
  case unreadable(String)
  /// The task was cancelled.
  case cancelled

  /// The status of the answer; nil where there is none.
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
  /// What an error means for a list or a watch. A watch that is cancelled has been silent for too long.
  package init(_ error: KubernetesError) {
    switch error {
    case .status(let status): self.init(status)
    case .connection, .timedOut: self = .unreachable
    case .tooLarge, .unreadable: self = .unreadable
    case .cancelled: self = .silent
    }
  }
}
