import EPPCore
import EPPScheduling
import EPPTracing

/// Says in a request's trace how it was answered.
final class TraceFollower: RequestFollower {
  private let trace: RequestTrace

  init(_ trace: RequestTrace) { self.trace = trace }

  func responseStarted(_ answer: inout AnswerStart) {
    // Another one than the picked one where the gateway fell back.
    if let address = answer.servedAddress { trace.set(.served, address) }
    guard let status = answer.status else { return }
    trace.set(.status, status)
    if status >= 400 { trace.fail("the engine answered with status \(status)") }
  }

  func firstToken(now: MonotonicTime) { trace.note("first token", at: now) }

  func answered(_ usage: TokenUsage, _ attributes: inout [ReportedAttribute]) {
    if let tokens = usage.promptTokens { trace.set(.inputTokens, tokens) }
    if let tokens = usage.completionTokens { trace.set(.outputTokens, tokens) }
    if let tokens = usage.cachedTokens { trace.set(.cachedTokens, tokens) }
  }

  func ended(_ outcome: RequestOutcome, now: MonotonicTime) {
    if outcome == .aborted { trace.fail("the exchange ended before the end of the answer") }
  }
}
