import ArgumentParser
package import EPPCore

/// Flags of the limits of one request, and of all requests together.
package struct LimitFlags: ParsableArguments {
  @Option(help: ArgumentHelp("Largest request body; a larger one is answered with 413.", valueName: "size"))
  var maxRequestBodyBytes = "32Mi"
  @Option(
    help: ArgumentHelp(
      "Bytes of request bodies held at one time; past it requests are answered with 503.", valueName: "size"))
  var maxBufferedBytes = "1Gi"
  @Option(
    help: ArgumentHelp(
      "Time for a request to arrive whole and be decided; past it it is answered with 503.", valueName: "duration"))
  var requestDeadline = "30s"
  @Option(
    help: ArgumentHelp(
      """
      How many answers are looked at: full, sampled (one in 16) or none. Streams of the others end with their request, \
      which is cheap; use it with engines that read a request before they answer, as vLLM does.
      """, valueName: "mode"))
  var responseProcessing = ResponseProcessing.full.rawValue

  package init() {}

  /// Checks the flags, and returns their settings.
  func checked(_ check: inout FlagCheck) -> LimitSettings {
    let requestBody = check.bytes(maxRequestBodyBytes, "--max-request-body-bytes") ?? 0
    let buffered = check.bytes(maxBufferedBytes, "--max-buffered-bytes") ?? 0
    if requestBody > 0, buffered > 0, buffered < requestBody {
      check.problem(
        "--max-buffered-bytes (\(maxBufferedBytes)) is less than --max-request-body-bytes (\(maxRequestBodyBytes)): "
          + "a body of the allowed size could never be held")
    }
    return LimitSettings(
      maximumRequestBodyBytes: requestBody, maximumBufferedBytes: buffered,
      requestDeadline: check.duration(requestDeadline, "--request-deadline"),
      responseProcessing: check.choice(responseProcessing, "--response-processing") ?? .full)
  }
}

/// The limits of requests, from `LimitFlags`.
package struct LimitSettings: Sendable, Equatable {
  /// Bytes of one request body at most.
  package var maximumRequestBodyBytes: Int
  /// Bytes of all request bodies in memory at most.
  package var maximumBufferedBytes: Int
  /// Longest time from a stream's first message to its decision.
  package var requestDeadline: Duration
  /// Which responses are read.
  package var responseProcessing: ResponseProcessing
}
