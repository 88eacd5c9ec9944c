import CZeroMQ
import Glibc

/// Waits for thousands of sockets at once with epoll; the cost grows with the number of sockets that have messages. Belongs to
/// the thread of its sockets.
@safe package final class SocketPoller {
  private let descriptor: Int32
  private let waker: Waker
  private let events: UnsafeMutablePointer<epoll_event>
  private static let batch = 256
  /// The waker's tag, which no socket has.
  private static let wakerTag = UInt64.max

  /// - Parameter waker: its `wake` ends a wait.
  /// - Throws: `ZeroMQError` when the process has no file descriptor left.
  package init(_ waker: Waker) throws(ZeroMQError) {
    self.waker = waker
    descriptor = epoll_create1(Int32(EPOLL_CLOEXEC))
    unsafe events = .allocate(capacity: Self.batch)
    unsafe events.initialize(repeating: epoll_event(), count: Self.batch)
    guard descriptor >= 0 else { throw ZeroMQError("make an epoll instance") }
    try add(waker.descriptor, Self.wakerTag)
  }

  deinit {
    if descriptor >= 0 { close(descriptor) }
    unsafe events.deallocate()
  }

  /// Reports a socket from now on. The caller has to read the socket once after this call: events that the library noticed
  /// before, for example in `connect`, are not reported.
  ///
  /// - Parameter tag: the value that `wait` passes for this socket; any number but the largest.
  package func add(_ socket: Socket, tag: UInt64) throws(ZeroMQError) {
    precondition(tag != Self.wakerTag, "the tag is the waker's")
    try add(socket.get(ZMQ_FD) as Int32, tag)
  }

  /// Reports a monitor from now on, like a socket.
  package func add(_ monitor: ConnectionMonitor, tag: UInt64) throws(ZeroMQError) {
    try add(monitor.socket, tag: tag)
  }

  /// Stops reporting a socket. Has to be called before the socket is closed.
  package func remove(_ socket: Socket) {
    _ = epoll_ctl(descriptor, EPOLL_CTL_DEL, socket.get(ZMQ_FD) as Int32, nil)
  }

  /// Stops reporting a monitor.
  package func remove(_ monitor: ConnectionMonitor) { remove(monitor.socket) }

  /// Waits until a socket has something to receive, the waker is woken or the time is up.
  ///
  /// - Parameters:
  ///   - milliseconds: the longest wait; 0 does not wait, -1 waits without limit. May return early.
  ///   - body: called with the tag of each socket that may have something to receive. The socket has to be read until it has no
  ///     message: messages that are left are not reported again.
  package func wait(milliseconds: Int32, _ body: (UInt64) -> Void) {
    let count = unsafe epoll_wait(descriptor, events, Int32(Self.batch), milliseconds)
    guard count > 0 else { return }
    for index in 0..<Int(count) {
      let tag = unsafe events[index].data.u64
      if tag == Self.wakerTag { waker.reset() } else { body(tag) }
    }
  }

  private func add(_ file: Int32, _ tag: UInt64) throws(ZeroMQError) {
    // The library empties the descriptor itself when it is asked for messages; until then it is reported again.
    var event = unsafe epoll_event(events: EPOLLIN.rawValue, data: epoll_data_t(u64: tag))
    guard unsafe epoll_ctl(descriptor, EPOLL_CTL_ADD, file, &event) == 0 else {
      throw ZeroMQError("wait for a socket")
    }
  }
}
