import Glibc
import NIOCore
import NIOPosix

/// Why a scrape brought nothing.
package enum ScrapeError: Error, Equatable, Sendable, CustomStringConvertible {
  /// Nobody listens at the address: the engine's process is not there.
  case connectionRefused
  /// No connection for another reason: the operating system's words.
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

  /// Whether the page came and its content is at fault; else getting it failed. The llm-d EPP counts the two apart
  /// (`datalayer_extract_errors_total`, `datalayer_poll_errors_total`).
  package var isExtraction: Bool { self == .noEngineMetrics }

  package var description: String {
    switch self {
    case .connectionRefused: "cannot connect: connection refused"
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

extension ScrapeError {
  /// Why a connection could not be made, by what NIO says. A name counts as refused when each of its addresses does.
  init(connecting error: any Error) {
    if case .connectTimeout? = error as? ChannelError {
      self = .timedOut
    } else if let error = error as? IOError {
      self = error.errnoCode == ECONNREFUSED ? .connectionRefused : .connectFailed(error.description)
    } else if let error = error as? NIOConnectionError, !error.connectionErrors.isEmpty {
      let reasons = error.connectionErrors.map { ScrapeError(connecting: $0.error) }
      self = reasons.first { $0 != .connectionRefused } ?? .connectionRefused
    } else {
      self = .connectFailed("\(error)")
    }
  }
}
