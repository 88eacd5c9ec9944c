#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Why a file cannot be read: it does not exist, may not be read, or is not what is expected. `description` is a phrase to be
/// put after the file's name and a colon.
package struct FileProblem: Error, Equatable, Sendable, CustomStringConvertible {
  package let description: String
  /// Whether no file of this name exists.
  package let isAbsence: Bool

  /// Makes a problem of a file that exists.
  package init(_ description: String) {
    self.description = description
    isAbsence = false
  }

  /// Makes a problem from an error of the operating system.
  ///
  /// - Parameter code: The `errno` of opening or reading the file.
  package init(errno code: Int32) {
    isAbsence = code == ENOENT
    description =
      switch code {
      case ENOENT, ENOTDIR: "it does not exist"
      case EACCES, EPERM: "there is no permission to read it"
      case EISDIR: Self.folder.description
      default: unsafe "it cannot be read: \(String(cString: strerror(code)))"
      }
  }

  /// The path names a folder.
  package static let folder = FileProblem("it is a folder, and a file is expected")
  /// The file's bytes are not text.
  package static let noText = FileProblem("it is no UTF-8 text")
}
