import FoundationEssentials

/// Reads small text files.
enum TextFile {
  static func read(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

  static func readStandardInput() -> String {
    var text = ""
    while let line = readLine(strippingNewline: false) { text += line }
    return text
  }
}
