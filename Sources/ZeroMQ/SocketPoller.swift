import CZeroMQ
import Glibc

/// Waits for thousands of sockets at once, at a cost that grows with those that have messages only. Belongs to the thread
/// of its sockets.
@safe package final class SocketPoller {
  private let descriptor: Int32
  private let waker: Waker
  private let events: UnsafeMutablePointer<epoll_event>
  private static let batch = 256
  /// The waker's tag, which no socket has.
  private static let wakerTag = UInt64.max

  /// - Parameter waker: ends the wait.
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

  /// Has a socket reported from now on. Its thread looks at it once without being told: what the library has noticed
  /// already, in `connect` for one, is not reported any more.
  ///
  /// - Parameter tag: what `wait` gives for it; any number but the largest.
  package func add(_ socket: Socket, tag: UInt64) throws(ZeroMQError) {
    precondition(tag != Self.wakerTag, "the tag is the waker's")
    try add(socket.get(ZMQ_FD) as Int32, tag)
  }

  /// Has a monitor reported from now on, as a socket.
  package func add(_ monitor: ConnectionMonitor, tag: UInt64) throws(ZeroMQError) {
    try add(monitor.socket, tag: tag)
  }

  /// Stops reporting a socket. To be called before the socket goes.
  package func remove(_ socket: Socket) {
    _ = epoll_ctl(descriptor, EPOLL_CTL_DEL, socket.get(ZMQ_FD) as Int32, nil)
  }

  /// Stops reporting a monitor.
  package func remove(_ monitor: ConnectionMonitor) { remove(monitor.socket) }

  /// Waits until there is something for one of the sockets, or the waker is woken, or the time is up.
  ///
  /// - Parameters:
  ///   - milliseconds: 0 only looks, -1 waits for ever. May end early.
  ///   - body: called with the tag of each socket that has something to receive, or perhaps has. Each is to be received from
  ///     until it has no message: what it is not asked for now is not reported again.
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
