import ArgumentParser
import EPPConfiguration

/// What one request, and all together, may cost.
struct LimitFlags: ParsableArguments {
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
  var responseProcessing = "full"

  func apply(to options: inout ServeOptions) {
    options.maximumRequestBody = maxRequestBodyBytes
    options.maximumBuffered = maxBufferedBytes
    options.requestDeadline = requestDeadline
    options.responseProcessing = responseProcessing
  }
}
