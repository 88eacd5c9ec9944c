import Synchronization

/// A rendering of a prompt in progress, and the requests that wait for it. Any thread may use it.
final class RenderFlight: Sendable {
  /// A request that waits.
  final class Waiter: Sendable {
    private let wake: Mutex<(@Sendable () -> Void)?>

    fileprivate init(_ wake: @escaping @Sendable () -> Void) { self.wake = Mutex(wake) }

    /// Calls `wake`, once. The lock is held during the call, so that `wake` is not running after `cancel` has returned.
    fileprivate func fire() {
      wake.withLock { wake in
        wake?()
        wake = nil
      }
    }

    /// Prevents the call of `wake`.
    ///
    /// - Returns: Whether `wake` was not called before and the wait not cancelled.
    fileprivate func cancel() -> Bool {
      wake.withLock { wake in
        defer { wake = nil }
        return wake != nil
      }
    }
  }

  /// The result of `join`.
  enum Joining {
    /// The request waits.
    case waiting(Waiter)
    /// The rendering has ended; nil when it failed.
    case done(PromptTokens?)
    /// `maximumWaiters` requests wait already.
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

  /// Adds a waiter.
  ///
  /// - Parameter wake: Called once when the rendering ends, on any thread, unless the waiter leaves before.
  func join(_ wake: @escaping @Sendable () -> Void) -> Joining {
    state.withLock { state in
      guard !state.isDone else { return .done(state.tokens) }
      guard state.waiters.count < maximumWaiters else { return .full }
      let waiter = Waiter(wake)
      state.waiters[ObjectIdentifier(waiter)] = waiter
      return .waiting(waiter)
    }
  }

  /// Removes a waiter. Its `wake` is not called after this has returned. Must not be called from within `wake`.
  ///
  /// - Returns: Whether the waiter had not been woken.
  func leave(_ waiter: Waiter) -> Bool {
    state.withLock { _ = $0.waiters.removeValue(forKey: ObjectIdentifier(waiter)) }
    return waiter.cancel()
  }

  /// Number of waiters.
  var waiting: Int { state.withLock { $0.waiters.count } }

  /// The rendered tokens; nil before the end of the rendering, and when it failed.
  var tokens: PromptTokens? { state.withLock { $0.tokens } }

  /// Ends the rendering, with nil when it failed, and wakes all waiters.
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
