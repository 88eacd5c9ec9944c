import Glibc
package import Logging

/// Settings of the operating system for a server process.
package enum ProcessSettings {
  /// Ignores SIGPIPE, so that writing to a closed pipe or socket does not end the process, and raises the limit on open files
  /// to its hard value: each connection takes a file descriptor, and the soft limit is often 1,024.
  package static func prepare(_ logger: Logger) {
    signal(SIGPIPE, SIG_IGN)
    var limit = rlimit()
    guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
    limit.rlim_cur = limit.rlim_max
    if unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) != 0 {
      logger.warning("the limit on open files stays at its soft value")
    }
  }
}
