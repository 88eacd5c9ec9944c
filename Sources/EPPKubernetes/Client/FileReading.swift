import EPPDataLayer

/// Reads small files: tokens, certificates, kubeconfigs.
enum FileReading {
  /// More bytes than any of them needs.
  static let largest = 1 << 20

  /// What keeps a file from being read.
  struct Problem: Error, CustomStringConvertible {
    var description: String
  }

  /// The content of a file. Blocks for the file system.
  static func bytes(_ path: String, atMost largest: Int) throws(Problem) -> [UInt8] {
    var file = WatchedFile(path: path, largest: largest)
    switch file.look() {
    case .content(let bytes): return bytes
    case .problem(let problem): throw Problem(description: problem.description)
    // A first look is never that.
    case .unchanged: throw Problem(description: "it cannot be read")
    }
  }

  /// The content of a file of text, without blanks and line ends around it.
  static func text(_ path: String, atMost largest: Int) throws(Problem) -> String {
    let bytes = try bytes(path, atMost: largest)
    guard let text = String(validating: bytes, as: UTF8.self) else { throw Problem(description: "it is no text") }
    return text.trimmed
  }
}

extension String {
  /// Without white space at either end.
  var trimmed: String {
    var rest = self[...]
    while rest.first?.isWhitespace ?? false { rest.removeFirst() }
    while rest.last?.isWhitespace ?? false { rest.removeLast() }
    return String(rest)
  }
}
