import CZeroMQ
import Glibc
import Synchronization

/// A thread that owns sockets and serves only them. Any thread may call `join`.
package final class SocketThread: Sendable {
  private let thread: Mutex<pthread_t?>

  /// The thread's function, boxed to be passed through `pthread_create`.
  private final class Work {
    let body: () -> Void

    init(_ body: @escaping () -> Void) { self.body = body }
  }

  /// Starts the thread.
  ///
  /// - Parameters:
  ///   - name: the name that debuggers and `top` show; at most 15 bytes.
  ///   - body: runs on the thread. Everything that it captures, sockets above all, belongs to the thread from now on.
  /// - Throws: `ZeroMQError` when the thread could not be started.
  package init(name: String, _ body: sending @escaping () -> Void) throws(ZeroMQError) {
    var made = pthread_t()
    let work = unsafe Unmanaged.passRetained(Work(body)).toOpaque()
    let code = unsafe pthread_create(
      &made, nil,
      { argument in
        if let argument = unsafe argument { unsafe Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body() }
        return nil
      }, work)
    guard code == 0 else {
      unsafe Unmanaged<Work>.fromOpaque(work).release()
      throw ZeroMQError("start the thread \(name)", code: code)
    }
    _ = unsafe pthread_setname_np(made, name)
    thread = Mutex(made)
  }

  /// Waits until the thread has ended. Calls after the first return at once, even if the thread still runs.
  package func join() {
    let thread = thread.withLock { thread in
      defer { thread = nil }
      return thread
    }
    if let thread { _ = pthread_join(thread, nil) }
  }
}
