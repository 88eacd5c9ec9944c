/// Why a response of an engine cannot be read.
package enum HTTPResponseError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The status line is malformed, or its version is neither 1.0 nor 1.1.
  case malformedStatusLine
  case malformedHeader
  case headTooLarge
  case bodyTooLarge
  case contradictoryLength
  case unsupportedEncoding
  case malformedChunk
  /// The peer closed before the end of the response.
  case truncated

  package var description: String {
    switch self {
    case .malformedStatusLine: "the answer is not HTTP/1.1"
    case .malformedHeader: "the answer has a malformed header"
    case .headTooLarge: "the headers of the answer exceed 16 KiB"
    case .bodyTooLarge: "the metrics page exceeds 8 MiB"
    case .contradictoryLength: "the answer states its length in contradictory ways"
    case .unsupportedEncoding: "the page is compressed although that was not asked for"
    case .malformedChunk: "the chunked answer is malformed"
    case .truncated: "the connection was closed in the middle of the answer"
    }
  }
}
