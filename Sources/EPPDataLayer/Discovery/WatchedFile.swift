#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A file that is polled, and read when it has changed.
///
/// `look` opens the path and compares device, inode, size and modification time. This takes a few microseconds and detects a
/// file written in place, a file renamed over it, and the swap of a symbolic link in a parent directory, as Kubernetes does it.
/// A kernel watch would have to follow each link of the path, be set up again after each swap, and does not work on network
/// file systems.
package struct WatchedFile: Sendable {
  /// The path as it was given; symbolic links are followed at each look.
  package let path: String
  /// Bytes of the largest file that is read.
  package let largest: Int
  private var seen: Fingerprint?

  private struct Fingerprint: Equatable, Sendable {
    var device: UInt64
    var file: UInt64
    var size: Int64
    var seconds: Int
    var nanoseconds: Int
  }

  /// The result of `look`.
  package enum Look: Sendable {
    /// The file is as at the last look, or has the problem that was reported last.
    case unchanged
    /// The file has changed; its bytes.
    case content([UInt8])
    /// The file cannot be read. A problem that persists is reported once.
    case problem(FileProblem)
  }

  private var lastProblem: FileProblem?

  /// Prepares to watch a path, which need not exist yet.
  ///
  /// - Parameter largest: Bytes of the largest file that is read; a larger file is a problem.
  package init(path: String, largest: Int) {
    self.path = path
    self.largest = largest
  }

  /// Checks the file, and reads it when it has changed since the last look. Blocks the thread for file system calls.
  package mutating func look() -> Look {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { return problem(FileProblem(errno: errno)) }
    defer { close(descriptor) }
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0 else { return problem(FileProblem(errno: errno)) }
    guard status.st_mode & S_IFMT != S_IFDIR else { return problem(.folder) }
    guard status.st_mode & S_IFMT == S_IFREG else { return problem(FileProblem("it is no regular file")) }
    let fingerprint = Fingerprint(
      device: UInt64(status.st_dev), file: UInt64(status.st_ino), size: Int64(status.st_size),
      seconds: Int(status.st_mtim.tv_sec), nanoseconds: Int(status.st_mtim.tv_nsec))
    guard fingerprint != seen else { return .unchanged }
    guard Int(status.st_size) <= largest else {
      return problem(FileProblem("it has \(status.st_size) bytes; at most \(largest) are allowed"))
    }
    // One byte more than allowed: the file may have grown since.
    var content = [UInt8](repeating: 0, count: largest + 1)
    var count = 0
    while count < content.count {
      let chunk = unsafe content.withUnsafeMutableBytes { buffer in
        unsafe read(descriptor, buffer.baseAddress?.advanced(by: count), buffer.count - count)
      }
      if chunk < 0, errno == EINTR { continue }
      guard chunk >= 0 else { return problem(FileProblem(errno: errno)) }
      if chunk == 0 { break }
      count += chunk
    }
    guard count <= largest else { return problem(FileProblem("it has more than \(largest) bytes")) }
    content.removeLast(content.count - count)
    seen = fingerprint
    lastProblem = nil
    return .content(content)
  }

  private mutating func problem(_ problem: FileProblem) -> Look {
    seen = nil
    defer { lastProblem = problem }
    return problem == lastProblem ? .unchanged : .problem(problem)
  }
}
