import CZeroMQ

/// The library's own threads and connections, shared by sockets. It ends with the last socket that was made with it.
@safe package final class Context: @unchecked Sendable {
  // Unchecked: the library's contexts may be used by any thread.
  let pointer: UnsafeMutableRawPointer

  package init() {
    guard let made = unsafe zmq_ctx_new() else { preconditionFailure("no memory for a ZeroMQ context") }
    unsafe pointer = made
  }

  deinit {
    // Sockets hold their context, so none is left and this does not wait.
    while unsafe zmq_ctx_term(pointer) != 0, zmq_errno() == EINTR {}
  }
}
