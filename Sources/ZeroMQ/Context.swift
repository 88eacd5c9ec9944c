import CZeroMQ
import Synchronization

/// A ZeroMQ context: the library's I/O threads and connections, shared by sockets. Any thread may use it. It ends with the last
/// socket that was made with it.
@safe package final class Context: @unchecked Sendable {
  // Unchecked: the library's contexts may be used by any thread.
  let pointer: UnsafeMutableRawPointer
  private let monitors = Atomic<UInt64>(0)

  /// - Parameters:
  ///   - maximumSockets: the largest number of sockets; each monitor takes two. The library's own limit is 65,535.
  ///   - threads: I/O threads of the library that share the connections. A host name is looked up by the thread that connects
  ///     to it, and blocks its other connections meanwhile.
  package init(maximumSockets: Int = 65_535, threads: Int32 = 1) {
    guard let made = unsafe zmq_ctx_new() else { preconditionFailure("no memory for a ZeroMQ context") }
    unsafe pointer = made
    let limit = unsafe zmq_ctx_get(made, ZMQ_SOCKET_LIMIT)
    _ = unsafe zmq_ctx_set(made, ZMQ_MAX_SOCKETS, min(Int32(clamping: maximumSockets), limit))
    _ = unsafe zmq_ctx_set(made, ZMQ_IO_THREADS, threads)
  }

  deinit {
    // Sockets hold their context, so none is left. This waits for the library's threads to close the connections: at once,
    // unless one of them looks up a host name.
    while unsafe zmq_ctx_term(pointer) != 0, zmq_errno() == EINTR {}
  }

  /// The number of I/O threads that share the connections.
  package var threads: Int32 { unsafe zmq_ctx_get(pointer, ZMQ_IO_THREADS) }

  /// A new `inproc` address for a monitor's events.
  func makeMonitorEndpoint() -> String {
    "inproc://monitor-\(monitors.wrappingAdd(1, ordering: .relaxed).newValue)"
  }
}
