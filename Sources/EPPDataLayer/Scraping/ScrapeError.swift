import Glibc
import NIOCore
import NIOPosix

/// Why a scrape failed.
package enum ScrapeError: Error, Equatable, Sendable, CustomStringConvertible {
  /// No process listens at the address.
  case connectionRefused
  /// Connecting failed for another reason: the operating system's message.
  case connectFailed(String)
  /// No connection or no complete response in time.
  case timedOut
  /// The peer closed the connection before a response.
  case closed
  /// The certificate of the server or of this client was refused, or the server does not speak TLS.
  case secureConnectionFailed(String)
  /// A complete response with another status than 200.
  case status(Int)
  /// The response is malformed, too large or incomplete.
  case response(HTTPResponseError)
  /// A page without a family of a known engine.
  case noEngineMetrics
  /// An answer without a list of models.
  case noModels

  /// Whether the page was received and its content is at fault. The llm-d EPP counts such errors in
  /// `datalayer_extract_errors_total`, all others in `datalayer_poll_errors_total`.
  package var isExtraction: Bool { self == .noEngineMetrics || self == .noModels }

  package var description: String {
    switch self {
    case .connectionRefused: "cannot connect: connection refused"
    case .connectFailed(let reason): "cannot connect: \(reason)"
    case .timedOut: "no complete answer in time"
    case .closed: "the connection was closed before an answer"
    case .secureConnectionFailed(let reason):
      "no secure connection: check scheme and certificates of the data source (\(reason))"
    case .status(let status): "the page was answered with status \(status)"
    case .response(let error): error.description
    case .noModels: "the answer has no list of models"
    case .noEngineMetrics:
      "no known engine metrics on the page (looked for vllm:num_requests_waiting, sglang:num_queue_reqs and others)"
    }
  }
}

extension ScrapeError {
  /// Classifies an error of connecting that NIO reports. A host name with several addresses counts as refused when all of them
  /// refuse.
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
