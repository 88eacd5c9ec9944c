import Glibc

/// Writes messages for the operator that are not part of the log.
package enum StandardError {
  /// Writes a text to standard error.
  package static func write(_ text: String) {
    let bytes = Array(text.utf8)
    _ = unsafe bytes.withUnsafeBytes { unsafe Glibc.write(2, $0.baseAddress, $0.count) }
  }
}
