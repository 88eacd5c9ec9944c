/// Why a scrape brought nothing.
package enum ScrapeError: Error, Equatable, Sendable, CustomStringConvertible {
  /// No connection: the operating system's words.
  case connectFailed(String)
  /// No complete answer in time.
  case timedOut
  /// The peer closed before it answered.
  case closed
  /// A complete answer with another status than 200.
  case status(Int)
  /// The answer cannot be read.
  case response(HTTPResponseError)
  /// A page without a family of a known engine.
  case noEngineMetrics

  /// Whether the page came and its content is at fault; else getting it failed. The anchor counts the two apart
  /// (`datalayer_extract_errors_total`, `datalayer_poll_errors_total`).
  package var isExtraction: Bool { self == .noEngineMetrics }

  package var description: String {
    switch self {
    case .connectFailed(let reason): "cannot connect: \(reason)"
    case .timedOut: "no complete answer in time"
    case .closed: "the connection was closed before an answer"
    case .status(let status): "GET /metrics was answered with status \(status)"
    case .response(let error): error.description
    case .noEngineMetrics:
      "no known engine metrics on the page (looked for vllm:num_requests_waiting, sglang:num_queue_reqs and others)"
    }
  }
}
