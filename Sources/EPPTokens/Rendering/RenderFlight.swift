import Synchronization

/// A prompt that an engine is being asked about, and who waits for the answer.
final class RenderFlight: Sendable {
  private struct State {
    var waiters: [Int: @Sendable () -> Void] = [:]
    var lastWaiter = 0
    var isDone = false
    var tokens: PromptTokens?
  }

  private let state = Mutex(State())

  /// Waits for the answer.
  ///
  /// - Returns: the waiter's number; nil when the answer is there.
  func join(_ wake: @escaping @Sendable () -> Void) -> Int? {
    state.withLock { state in
      guard !state.isDone else { return nil }
      state.lastWaiter += 1
      state.waiters[state.lastWaiter] = wake
      return state.lastWaiter
    }
  }

  /// Waits no more.
  ///
  /// - Returns: whether the answer was still to come.
  func leave(_ waiter: Int) -> Bool { state.withLock { $0.waiters.removeValue(forKey: waiter) != nil } }

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
    for wake in waiters.values { wake() }
  }
}
