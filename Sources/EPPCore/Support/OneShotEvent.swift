import Synchronization

/// Something that happens once: tasks wait for it, and whoever comes later does not wait at all. Any thread may use it.
package final class OneShotEvent: Sendable {
  private enum State {
    /// Who waits, by a number of its own, so that one who is cancelled can be taken out.
    case awaited([UInt64: CheckedContinuation<Bool, Never>], next: UInt64)
    case signalled
  }

  private let state = Mutex(State.awaited([:], next: 0))

  package init() {}

  /// Whether it has happened.
  package var isSignalled: Bool {
    state.withLock { if case .signalled = $0 { true } else { false } }
  }

  /// It has happened. Says nothing new the second time.
  package func signal() {
    let waiting = state.withLock { state -> [UInt64: CheckedContinuation<Bool, Never>] in
      guard case .awaited(let waiting, next: _) = state else { return [:] }
      state = .signalled
      return waiting
    }
    for continuation in waiting.values { continuation.resume(returning: true) }
  }

  /// Returns when it has happened, or when the task is cancelled; whether it has happened.
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

  /// A number for one who waits; nil when there is nothing to wait for.
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
