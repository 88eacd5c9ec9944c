import CZeroMQ
import Synchronization

/// The library's own threads and connections, shared by sockets. It ends with the last socket that was made with it.
@safe package final class Context: @unchecked Sendable {
  // Unchecked: the library's contexts may be used by any thread.
  let pointer: UnsafeMutableRawPointer
  private let monitors = Atomic<UInt64>(0)

  /// - Parameter maximumSockets: monitors take two each; the library's own bound is 65,535.
  package init(maximumSockets: Int = 65_535) {
    guard let made = unsafe zmq_ctx_new() else { preconditionFailure("no memory for a ZeroMQ context") }
    unsafe pointer = made
    let limit = unsafe zmq_ctx_get(made, ZMQ_SOCKET_LIMIT)
    _ = unsafe zmq_ctx_set(made, ZMQ_MAX_SOCKETS, min(Int32(clamping: maximumSockets), limit))
  }

  deinit {
    // Sockets hold their context, so none is left and this does not wait.
    while unsafe zmq_ctx_term(pointer) != 0, zmq_errno() == EINTR {}
  }

  /// The address of a new monitor's events.
  func makeMonitorEndpoint() -> String {
    "inproc://monitor-\(monitors.wrappingAdd(1, ordering: .relaxed).newValue)"
  }
}
