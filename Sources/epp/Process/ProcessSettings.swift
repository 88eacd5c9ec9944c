import Glibc
import Logging

/// What a server asks of the operating system.
enum ProcessSettings {
  /// A closed pipe or socket is an error to handle, not the end; and each connection takes a file descriptor, of which
  /// the soft limit is often 1,024.
  static func prepare(_ logger: Logger) {
    signal(SIGPIPE, SIG_IGN)
    var limit = rlimit()
    guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
    limit.rlim_cur = limit.rlim_max
    if unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) != 0 {
      logger.warning("the limit on open files stays at its soft value")
    }
  }
}
