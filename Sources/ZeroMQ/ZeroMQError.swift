import CZeroMQ
import Glibc

/// Why an operation of the ZeroMQ library, of epoll or of pthreads failed.
package struct ZeroMQError: Error, Equatable, CustomStringConvertible {
  /// What was tried, such as `bind tcp://127.0.0.1:5557`.
  package let operation: String
  /// The error number: an `errno`, or one of the library's own.
  package let code: Int32
  /// The library's text for the error number.
  package let reason: String

  /// One line, with what can be done about it.
  package var description: String { "cannot \(operation): \(reason)\(advice.map { "; \($0)" } ?? "")" }

  /// What the user can do; nil when there is no advice.
  private var advice: String? {
    switch code {
    case EADDRINUSE: "another process listens there: choose another port, or end that process"
    case EADDRNOTAVAIL, ENODEV: "no interface of this machine has that address: use tcp://*:PORT for all of them"
    case EACCES: "ports below 1024 need rights that this process does not have: choose a higher one"
    case EINVAL, EPROTONOSUPPORT: "an address is written tcp://HOST:PORT"
    case EMFILE, ENFILE: "raise the limit on open files (ulimit -n): each stream of KV events takes four"
    default: nil
    }
  }

  /// The error of the call that has just failed on this thread.
  init(_ operation: String) { self.init(operation, code: zmq_errno()) }

  init(_ operation: String, code: Int32) {
    self.operation = operation
    self.code = code
    reason = unsafe String(cString: zmq_strerror(code))
  }
}
