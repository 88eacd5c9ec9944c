import Glibc

/// Standard output, which is fully buffered when it is not a terminal.
enum StandardOutput {
  /// Whether standard output is a terminal.
  static var isTerminal: Bool { isatty(STDOUT_FILENO) == 1 }

  /// Writes the buffered output.
  static func flush() {
    // Null means every stream; the pointer to one stream is a global variable.
    _ = fflush(nil)
  }
}
