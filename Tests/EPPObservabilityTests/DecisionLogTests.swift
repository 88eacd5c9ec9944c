import EPPCore
import EPPObservability
import Testing

@Suite struct DecisionLogTests {
  private let capture = LogCapture()
  private let decision = DecisionRecord(
    requestID: "0c5f-1", model: "llama", endpoint: "10.0.0.1:8000", decidingScorer: "prefix-cache-scorer",
    runnerUp: "10.0.0.2:8000", predictedCachedTokens: 1920, promptTokens: 2048, candidates: 8,
    pickTime: .microseconds(37),
    outcome: .routed)

  @Test func aRoutedRequestIsOneLineOfJSON() {
    let output = capture.output(.json, verbosity: .verbose)
    DecisionLog(output: output).record(decision)
    output.flush()
    #expect(
      capture.lines == [
        #"{"time":"2026-03-01T09:05:07.042Z","level":"info","logger":"decision","msg":"request routed","request_id":"0c5f-1","model":"llama","prompt_tokens":2048,"endpoint":"10.0.0.1:8000","candidates":8,"deciding_scorer":"prefix-cache-scorer","runner_up":"10.0.0.2:8000","predicted_cached_tokens":1920,"pick_us":37}"#
      ])
  }

  /// Whole seconds are part of it.
  @Test func aPickMayTakeSeconds() {
    let output = capture.output(.text, verbosity: .trace)
    var slow = decision
    slow.pickTime = .milliseconds(2_500) + .nanoseconds(999)
    DecisionLog(output: output).record(slow)
    slow.outcome = .rejected(.serviceUnavailable)
    DecisionLog(output: output).record(slow)
    output.flush()
    #expect(capture.lines.count == 2 && capture.lines.allSatisfy { $0.hasSuffix("pick_us=2500000") })
  }

  @Test func aRejectedRequestHasItsStatus() {
    let output = capture.output(.text, verbosity: .trace)
    let rejected = DecisionRecord(
      requestID: "r 1", model: "m\n2", promptTokens: 5, candidates: 0, outcome: .rejected(.serviceUnavailable))
    DecisionLog(output: output).record(rejected)
    output.flush()
    #expect(
      capture.lines == [
        #"2026-03-01T09:05:07.042Z info decision: request rejected request_id="r 1" model="m\n2" prompt_tokens=5 candidates=0 status=503"#
      ])
  }

  @Test func longTextOfClientsIsCut() {
    let output = capture.output(.text, verbosity: .verbose)
    var long = decision
    long.model = String(repeating: "m", count: 1 << 20)
    DecisionLog(output: output).record(long)
    output.flush()
    #expect(capture.lines.first?.contains("model=\(String(repeating: "m", count: 256))… prompt_tokens=2048") == true)
  }

  @Test func belowVerbosityThreeNothingIsWritten() {
    let output = capture.output(.json)
    let log = DecisionLog(output: output)
    #expect(!log.isEnabled)
    log.record(decision)
    output.verbosity = .verbose
    #expect(log.isEnabled)
    output.flush()
    #expect(capture.lines.isEmpty)
  }
}
