import Synchronization

/// Tells, once, that a server has no calls left.
final class DrainSignal: Sendable {
  private struct State {
    var isSignalled = false
    var waiter: CheckedContinuation<Void, Never>?
  }

  private let state = Mutex(State())

  func signal() {
    let waiter = state.withLock { state in
      state.isSignalled = true
      defer { state.waiter = nil }
      return state.waiter
    }
    waiter?.resume()
  }

  /// Waits for the signal.
  func wait() async {
    await withCheckedContinuation { continuation in
      let isSignalled = state.withLock { state in
        if !state.isSignalled { state.waiter = continuation }
        return state.isSignalled
      }
      if isSignalled { continuation.resume() }
    }
  }

  /// Waits for the signal, but not longer than until `deadline`; whether it came.
  func wait(until deadline: ContinuousClock.Instant) async -> Bool {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { try? await Task.sleep(until: deadline, clock: .continuous) }
      group.addTask { await self.waitOrCancel() }
      await group.next()
      group.cancelAll()
    }
    return state.withLock { $0.isSignalled }
  }

  private func waitOrCancel() async {
    await withTaskCancellationHandler {
      await wait()
    } onCancel: {
      let waiter = state.withLock { state in
        defer { state.waiter = nil }
        return state.waiter
      }
      waiter?.resume()
    }
  }
}
