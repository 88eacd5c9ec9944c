import EPPCore
import Testing

@Suite struct TimeLimitTests {
  /// Ends with the cancellation of its task only; returns whether it was cancelled.
  private static func untilCancelled() async -> Bool {
    await OneShotEvent().wait()
    return Task.isCancelled
  }

  @Test func anOperationThatReturnsInTimeIsNotCancelled() async {
    let result = await withTimeLimit(.seconds(3_600)) { Task.isCancelled }
    #expect(!result.value)
    #expect(!result.hasTimedOut)
  }

  @Test(.timeLimit(.minutes(1))) func theLimitCancelsTheOperationAndItsResultIsReturned() async {
    let result = await withTimeLimit(.milliseconds(1)) { await Self.untilCancelled() }
    #expect(result.value)
    #expect(result.hasTimedOut)
  }

  @Test(.timeLimit(.minutes(1))) func theCancellationOfTheCallerIsNotATimeOut() async {
    let task = Task { await withTimeLimit(.seconds(3_600)) { await Self.untilCancelled() } }
    task.cancel()
    let result = await task.value
    #expect(result.value)
    #expect(!result.hasTimedOut)
  }
}
