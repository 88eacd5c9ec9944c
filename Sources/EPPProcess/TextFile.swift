package import EPPDataLayer
import EPPYAML
import Glibc

/// Reads small text files.
package enum TextFile {
  /// Reads the text of a file or pipe, without a byte order mark. Blocks the thread.
  ///
  /// - Throws: `FileProblem` when the file cannot be read, or is not text.
  package static func read(_ path: String) throws(FileProblem) -> String {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileProblem(errno: errno) }
    defer { close(descriptor) }
    var content: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = unsafe Glibc.read(descriptor, &piece, piece.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw FileProblem(errno: errno) }
      if count == 0 { break }
      content += piece.prefix(count)
    }
    guard let text = YAMLDocument.text(content) else { throw .noText }
    return text
  }

  /// Reads standard input to its end. Blocks the thread.
  package static func readStandardInput() -> String {
    var text = ""
    while let line = readLine(strippingNewline: false) { text += line }
    return text
  }
}
