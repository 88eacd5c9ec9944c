import CZeroMQ
import Glibc
import Synchronization

/// A thread that has sockets of its own, and nothing else to do than to serve them.
package final class SocketThread: Sendable {
  private let thread: Mutex<pthread_t?>

  /// What the thread does, on its way there.
  private final class Work {
    let body: () -> Void

    init(_ body: @escaping () -> Void) { self.body = body }
  }

  /// Starts the thread.
  ///
  /// - Parameters:
  ///   - name: as debuggers and `top` show it; at most 15 bytes.
  ///   - body: what it does. What this uses, sockets above all, is the thread's from now on.
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

  /// Waits for the end of the thread. A second call does nothing.
  package func join() {
    let thread = thread.withLock { thread in
      defer { thread = nil }
      return thread
    }
    if let thread { _ = pthread_join(thread, nil) }
  }
}
