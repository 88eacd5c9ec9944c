import ArgumentParser
package import EPPCore

/// What one request, and all together, may cost.
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

/// What `LimitFlags` make.
package struct LimitSettings: Sendable, Equatable {
  package var maximumRequestBodyBytes: Int
  /// Of all requests together.
  package var maximumBufferedBytes: Int
  package var requestDeadline: Duration
  package var responseProcessing: ResponseProcessing
}
