import EPPCore
import EPPDataLayer

/// Reads small files: tokens, certificates, kubeconfigs.
enum FileReading {
  /// Size limit in bytes; more than any token, certificate or kubeconfig needs.
  static let largest = 1 << 20

  /// Reason why a file cannot be read.
  struct Problem: Error, CustomStringConvertible {
    var description: String
  }

  /// Returns the content of a file. Blocks for the file system.
  ///
  /// - Parameter largest: Size in bytes up to which a file is read.
  /// - Throws: `Problem` when the file is missing, unreadable or larger.
  static func bytes(_ path: String, atMost largest: Int) throws(Problem) -> [UInt8] {
    var file = WatchedFile(path: path, largest: largest)
    switch file.look() {
    case .content(let bytes): return bytes
    case .problem(let problem): throw Problem(description: problem.description)
    // Not reached: the first look at a file is never `unchanged`.
    case .unchanged: throw Problem(description: "it cannot be read")
    }
  }

  /// Returns the content of a text file in UTF-8, without white space at either end. Blocks for the file system.
  ///
  /// - Parameter largest: Size in bytes up to which a file is read.
  /// - Throws: `Problem` when the file is missing, unreadable, larger, or not UTF-8.
  static func text(_ path: String, atMost largest: Int) throws(Problem) -> String {
    let bytes = try bytes(path, atMost: largest)
    guard let text = String(validating: bytes, as: UTF8.self) else { throw Problem(description: "it is no text") }
    return String(text.trimmed)
  }
}
