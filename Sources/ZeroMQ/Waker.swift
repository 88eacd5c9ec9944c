import CZeroMQ
import Glibc

/// Ends the waiting of the thread that owns some sockets. Any thread may call `wake`.
package final class Waker: Sendable {
  let descriptor: Int32

  package init() {
    descriptor = eventfd(0, Int32(EFD_NONBLOCK) | Int32(EFD_CLOEXEC))
    precondition(descriptor >= 0, "the system has no file descriptor for a waker")
  }

  deinit { close(descriptor) }

  /// Ends the present or the next wait.
  package func wake() { _ = eventfd_write(descriptor, 1) }

  func reset() {
    var count: eventfd_t = 0
    _ = unsafe eventfd_read(descriptor, &count)
  }
}

/// Waits until a message can be received from one of the sockets, or the waker is woken, or the time is up. For a few
/// sockets; many belong to a `SocketPoller`.
///
/// - Parameter milliseconds: -1 for ever. May end early.
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
