import Synchronization

/// A prompt that an engine is being asked about, and who waits for the answer.
final class RenderFlight: Sendable {
  /// One who waits.
  final class Waiter: Sendable {
    private let wake: Mutex<(@Sendable () -> Void)?>

    fileprivate init(_ wake: @escaping @Sendable () -> Void) { self.wake = Mutex(wake) }

    /// Wakes, once. The lock is held meanwhile, so that `wake` is not called after `cancel` has returned.
    fileprivate func fire() {
      wake.withLock { wake in
        wake?()
        wake = nil
      }
    }

    /// - Returns: whether it was neither woken nor cancelled before.
    fileprivate func cancel() -> Bool {
      wake.withLock { wake in
        defer { wake = nil }
        return wake != nil
      }
    }
  }

  /// The result of `join`.
  enum Joining {
    case waiting(Waiter)
    /// The answer is there; nil when it is no good.
    case done(PromptTokens?)
    /// Too many wait.
    case full
  }

  private struct State {
    var waiters: [ObjectIdentifier: Waiter] = [:]
    var isDone = false
    var tokens: PromptTokens?
  }

  private let maximumWaiters: Int
  private let state = Mutex(State())

  init(maximumWaiters: Int) { self.maximumWaiters = maximumWaiters }

  /// Waits for the answer.
  func join(_ wake: @escaping @Sendable () -> Void) -> Joining {
    state.withLock { state in
      guard !state.isDone else { return .done(state.tokens) }
      guard state.waiters.count < maximumWaiters else { return .full }
      let waiter = Waiter(wake)
      state.waiters[ObjectIdentifier(waiter)] = waiter
      return .waiting(waiter)
    }
  }

  /// Ends the wait; `wake` is not called after this has returned. Not to be called from within `wake`.
  ///
  /// - Returns: whether the answer was still to come.
  func leave(_ waiter: Waiter) -> Bool {
    state.withLock { _ = $0.waiters.removeValue(forKey: ObjectIdentifier(waiter)) }
    return waiter.cancel()
  }

  /// How many wait.
  var waiting: Int { state.withLock { $0.waiters.count } }

  /// The answer, when it is there and good.
  var tokens: PromptTokens? { state.withLock { $0.tokens } }

  /// The answer is there, or there will be none: wakes all.
  func finish(_ tokens: PromptTokens?) {
    let waiters = state.withLock { state in
      state.isDone = true
      state.tokens = tokens
      defer { state.waiters = [:] }
      return state.waiters
    }
    for waiter in waiters.values { waiter.fire() }
  }
}
