/// The result of an operation with a time limit.
package struct LimitedResult<Value: Sendable>: Sendable {
  /// What the operation returned, by itself or after its cancellation.
  package var value: Value
  /// Whether the limit passed before the result was taken.
  package var hasTimedOut: Bool
}

/// Runs an operation, and cancels it when a time limit passes.
///
/// Returns when the operation has returned, also after its cancellation: an operation that ignores cancellation is not
/// limited. A cancellation of the caller's task cancels the operation, and is not a time-out.
///
/// - Parameter limit: Time from the call, on the continuous clock.
package func withTimeLimit<Value: Sendable>(
  _ limit: Duration, _ operation: @escaping @Sendable () async -> Value
) async -> LimitedResult<Value> {
  let work = Task { await operation() }
  let timer = Task {
    guard (try? await Task.sleep(for: limit)) != nil else { return false }
    work.cancel()
    return true
  }
  let value = await withTaskCancellationHandler {
    await work.value
  } onCancel: {
    work.cancel()
  }
  timer.cancel()
  return LimitedResult(value: value, hasTimedOut: await timer.value)
}
