import Glibc
import Synchronization

/// The file that holds the admin token of a running process, readable by its user alone.
///
/// It is locked (`flock`) as long as the process lives, so that a file left by a killed process can be told from that of a running
/// one: the first is replaced, the second never.
package final class AdminTokenFile: Sendable {
  /// The path of the file.
  package let path: String
  /// The open and locked file; nil once it is removed.
  private let descriptor: Mutex<Int32?>

  /// Returns the default path: `epp-admin-PORT.token` in the folder of `XDG_RUNTIME_DIR`, else of `TMPDIR`, else in `/tmp`.
  ///
  /// - Parameters:
  ///   - port: The port of the admin server.
  ///   - environment: The environment variables of the process.
  package static func defaultPath(port: Int, environment: [String: String]) -> String {
    let folder =
      ["XDG_RUNTIME_DIR", "TMPDIR"].lazy.compactMap { environment[$0] }.first { $0.hasPrefix("/") } ?? "/tmp"
    return (folder.last == "/" ? folder : folder + "/") + "epp-admin-\(port).token"
  }

  /// Makes the file with mode 0600, and writes the token into it.
  ///
  /// - Throws: `AdminTokenProblem` when something else is in its place (a symbolic link, another user's file, another text, the
  ///   file of a running process), or when it cannot be made.
  package init(path: String, token: AdminToken) throws(AdminTokenProblem) {
    self.path = path
    try Self.removeLeftover(path)
    // With O_EXCL no symbolic link is followed.
    let file = unsafe Glibc.open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw AdminTokenProblem.system(path, "cannot be made") }
    let text = Array((token.text + "\n").utf8)
    // The mode again, for the process's mask may have taken a bit of it.
    guard flock(file, LOCK_EX | LOCK_NB) == 0, fchmod(file, 0o600) == 0,
      unsafe write(file, text, text.count) == text.count
    else {
      let problem = AdminTokenProblem.system(path, "cannot be written")
      _ = unsafe unlink(path)
      close(file)
      throw problem
    }
    descriptor = Mutex(file)
  }

  deinit { remove() }

  /// Removes the file. Further calls do nothing.
  package func remove() {
    let file = descriptor.withLock { descriptor in
      defer { descriptor = nil }
      return descriptor
    }
    guard let file else { return }
    // Another file in its place is not this process's to remove.
    if Self.isSame(file, path) { _ = unsafe unlink(path) }
    close(file)
  }

  /// Reads the token of a running process.
  ///
  /// - Throws: `AdminTokenProblem` when there is no such file, when it cannot be read, when it is a symbolic link, another
  ///   user's file or one that others can change, or when it holds no token.
  package static func read(_ path: String) throws(AdminTokenProblem) -> AdminToken {
    let file = try open(existing: path)
    defer { close(file) }
    guard let token = content(file) else { throw AdminTokenProblem(path, "it holds no admin token") }
    return token
  }

  /// Removes the file of a process that has ended.
  private static func removeLeftover(_ path: String) throws(AdminTokenProblem) {
    let file: Int32
    do throws(AdminTokenProblem) { file = try open(existing: path) } catch {
      if error.isAbsence { return }
      throw error
    }
    defer { close(file) }
    guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
      throw AdminTokenProblem(path, "it is the file of another running process; name another with --admin-token-file")
    }
    // An empty file is one whose process was killed before it wrote.
    guard content(file) != nil || isEmpty(file) else {
      throw AdminTokenProblem(path, "it holds something else than an admin token; remove it, or name another file")
    }
    if isSame(file, path) { _ = unsafe unlink(path) }
  }

  /// Opens a file that has to be a regular one of this user that nobody else can change.
  private static func open(existing path: String) throws(AdminTokenProblem) -> Int32 {
    // O_NONBLOCK: a pipe must not hold up the process.
    let file = unsafe Glibc.open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
    guard file >= 0 else {
      if errno == ELOOP {
        throw AdminTokenProblem(path, "it is a symbolic link, which is not followed; name the file itself")
      }
      throw AdminTokenProblem.system(path, "cannot be read")
    }
    var status = stat()
    var problem: String?
    if unsafe fstat(file, &status) != 0 || status.st_mode & S_IFMT != S_IFREG {
      problem = "it is no file"
    } else if status.st_uid != geteuid() {
      problem = "it belongs to another user (\(status.st_uid)), and this process runs as \(geteuid())"
    } else if status.st_mode & 0o077 != 0 {
      problem = "other users have rights to it; it has to have the mode 0600"
    }
    if let problem {
      close(file)
      throw AdminTokenProblem(path, problem)
    }
    return file
  }

  /// Reads the token of an open file; nil when it holds something else.
  private static func content(_ file: Int32) -> AdminToken? {
    var bytes = [UInt8](repeating: 0, count: AdminToken.length + 2)
    let count = unsafe pread(file, &bytes, bytes.count, 0)
    guard count == AdminToken.length + 1, bytes[AdminToken.length] == 0x0A else { return nil }
    return AdminToken(String(decoding: bytes[..<AdminToken.length], as: UTF8.self))
  }

  private static func isEmpty(_ file: Int32) -> Bool {
    var status = stat()
    return unsafe fstat(file, &status) == 0 && status.st_size == 0
  }

  /// Returns whether a path still names an open file.
  private static func isSame(_ file: Int32, _ path: String) -> Bool {
    var opened = stat()
    var named = stat()
    return unsafe fstat(file, &opened) == 0 && lstat(path, &named) == 0 && opened.st_dev == named.st_dev
      && opened.st_ino == named.st_ino
  }
}

/// Why the file of the admin token cannot be made or read, in one line for the operator.
package struct AdminTokenProblem: Error, Sendable, CustomStringConvertible {
  /// The path and the reason.
  package let description: String
  /// Whether there is no such file.
  package let isAbsence: Bool

  init(_ path: String, _ reason: String, isAbsence: Bool = false) {
    description = "\(path): \(reason)"
    self.isAbsence = isAbsence
  }

  /// A problem with the message of the operating system's last error.
  fileprivate static func system(_ path: String, _ what: String) -> AdminTokenProblem {
    let code = errno
    return AdminTokenProblem(path, "it \(what): \(unsafe String(cString: strerror(code)))", isAbsence: code == ENOENT)
  }
}
