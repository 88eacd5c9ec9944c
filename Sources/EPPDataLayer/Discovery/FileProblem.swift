#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Why a file cannot be read, in words that follow its name and a colon: it does not exist, it may not be read, or it is not
/// what is expected.
package struct FileProblem: Error, Equatable, Sendable, CustomStringConvertible {
  package let description: String
  /// There is no file of this name, as distinct from one that is no good.
  package let isAbsence: Bool

  /// What is wrong with a file that is there.
  package init(_ description: String) {
    self.description = description
    isAbsence = false
  }

  /// What the system says.
  ///
  /// - Parameter code: an `errno` of opening or reading.
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

  package static let folder = FileProblem("it is a folder, and a file is expected")
  package static let noText = FileProblem("it is no UTF-8 text")
}
