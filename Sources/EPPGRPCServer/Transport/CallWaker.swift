import EPPExtProc
import Synchronization

/// Has the thread of a call call its handler's `woken()`, until `stop()`. Any thread may use it.
final class CallWaker: StreamWaker, @unchecked Sendable {
  // Unchecked: the call belongs to its thread; here only its `wake()` is used, which any thread may call while the call is
  // open. The lock is held meanwhile, and `stop()`, which the call's thread calls before it closes, waits for it.

  private let call: ServerCall
  private let isStopped = Mutex(false)

  init(_ call: ServerCall) { self.call = call }

  /// Makes the call's thread call `woken()`; does nothing after `stop()`.
  func wake() {
    isStopped.withLock { if !$0 { call.wake() } }
  }

  /// Ends waking: after this has returned, `wake()` has no effect. The call's thread calls it before the call is closed.
  func stop() { isStopped.withLock { $0 = true } }
}
