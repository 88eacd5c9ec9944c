import Glibc

/// Standard output, which is buffered whole when it is not a terminal.
enum StandardOutput {
  static var isTerminal: Bool { isatty(STDOUT_FILENO) == 1 }

  /// Lets readers of a pipe or file see what was printed.
  static func flush() {
    // Null means every stream; the pointer to one stream is a global variable.
    _ = fflush(nil)
  }
}
