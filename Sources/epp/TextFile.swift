#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Reads small text files.
enum TextFile {
  static func read(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }
}
