import Synchronization

/// An event that is signalled once. Tasks wait for it; a wait after the signal returns at once. Any thread may use it.
package final class OneShotEvent: Sendable {
  private enum State {
    /// The waiting tasks by number, so that a cancelled one can be removed.
    case awaited([UInt64: CheckedContinuation<Bool, Never>], next: UInt64)
    case signalled
  }

  private let state = Mutex(State.awaited([:], next: 0))

  /// An event that is not signalled.
  package init() {}

  /// Whether the event is signalled.
  package var isSignalled: Bool {
    state.withLock { if case .signalled = $0 { true } else { false } }
  }

  /// Signals the event and resumes all waiting tasks. Further calls do nothing.
  package func signal() {
    let waiting = state.withLock { state -> [UInt64: CheckedContinuation<Bool, Never>] in
      guard case .awaited(let waiting, next: _) = state else { return [:] }
      state = .signalled
      return waiting
    }
    for continuation in waiting.values { continuation.resume(returning: true) }
  }

  /// Suspends until the event is signalled or the task is cancelled.
  ///
  /// - Returns: whether the event is signalled.
  @discardableResult
  package func wait() async -> Bool {
    guard let number = takeNumber() else { return true }
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let result: Bool? = state.withLock { state in
          guard case .awaited(var waiting, let next) = state else { return true }
          // A task is cancelled before its handler runs, and the handler takes the lock: one that has run already, and found
          // nobody, is seen here.
          if Task.isCancelled { return false }
          waiting[number] = continuation
          state = .awaited(waiting, next: next)
          return nil
        }
        if let result { continuation.resume(returning: result) }
      }
    } onCancel: {
      giveUp(number)
    }
  }

  /// The number for a new waiting task; nil when the event is signalled already.
  private func takeNumber() -> UInt64? {
    state.withLock { state in
      guard case .awaited(let waiting, let next) = state else { return nil }
      state = .awaited(waiting, next: next + 1)
      return next
    }
  }

  private func giveUp(_ number: UInt64) {
    let continuation = state.withLock { state -> CheckedContinuation<Bool, Never>? in
      guard case .awaited(var waiting, let next) = state else { return nil }
      let continuation = waiting.removeValue(forKey: number)
      state = .awaited(waiting, next: next)
      return continuation
    }
    continuation?.resume(returning: false)
  }
}
