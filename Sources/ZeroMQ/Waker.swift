import CZeroMQ
import Glibc

/// Ends the wait of a thread that owns sockets. Any thread may call `wake`.
package final class Waker: Sendable {
  let descriptor: Int32

  /// Creates an eventfd. Ends the process when there is no file descriptor left.
  package init() {
    descriptor = eventfd(0, Int32(EFD_NONBLOCK) | Int32(EFD_CLOEXEC))
    precondition(descriptor >= 0, "the system has no file descriptor for a waker")
  }

  deinit { close(descriptor) }

  /// Ends the current wait, or the next one when the thread is not waiting.
  package func wake() { _ = eventfd_write(descriptor, 1) }

  /// Forgets all wakes so far.
  func reset() {
    var count: eventfd_t = 0
    _ = unsafe eventfd_read(descriptor, &count)
  }
}

/// Waits until one of the sockets has a message, the waker is woken or the time is up. For a few sockets; use `SocketPoller`
/// for many.
///
/// - Parameters:
///   - sockets: sockets of the calling thread.
///   - waker: ends the wait; nil when nothing does.
///   - milliseconds: the longest wait; -1 waits without limit. May return early.
package func wait(for sockets: [Socket], _ waker: Waker?, milliseconds: Int) {
  var items = unsafe sockets.map { socket in
    unsafe zmq_pollitem_t(socket: socket.pointer, fd: 0, events: Int16(ZMQ_POLLIN), revents: 0)
  }
  if let waker {
    unsafe items.append(zmq_pollitem_t(socket: nil, fd: waker.descriptor, events: Int16(ZMQ_POLLIN), revents: 0))
  }
  _ = unsafe zmq_poll(&items, Int32(items.count), milliseconds)
  waker?.reset()
}
