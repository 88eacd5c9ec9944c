import CZeroMQ

/// Why a socket could not be made, bound or connected.
package struct ZeroMQError: Error, Equatable, CustomStringConvertible {
  /// What was tried, such as `bind tcp://127.0.0.1:5557`.
  package let operation: String
  /// The library's error number: one of `errno`, or of its own.
  package let code: Int32
  /// What the library says of it.
  package let reason: String

  package var description: String { "cannot \(operation): \(reason)" }

  /// The error of the call that has just failed on this thread.
  init(_ operation: String) {
    self.operation = operation
    code = zmq_errno()
    reason = unsafe String(cString: zmq_strerror(zmq_errno()))
  }
}
