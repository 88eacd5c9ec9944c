#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A file that is looked at from time to time and read when it is another one.
///
/// Looking is to open the path and ask for the identity, size and time of change of what it leads to. That costs a few
/// microseconds and sees everything that matters: a file written in place, one renamed over it, and Kubernetes' way of
/// swapping a symbolic link one directory further up. A kernel watch would have to follow each link of the path and be
/// set up again after each swap, and sees nothing on network file systems.
package struct WatchedFile: Sendable {
  /// As it was given; links are followed at each look.
  package let path: String
  /// In bytes.
  package let largest: Int
  private var seen: Fingerprint?

  private struct Fingerprint: Equatable, Sendable {
    var device: UInt64
    var file: UInt64
    var size: Int64
    var seconds: Int
    var nanoseconds: Int
  }

  /// What a look at the file found.
  package enum Look: Sendable {
    case unchanged
    case content([UInt8])
    /// What is wrong, told once for as long as it stays the same.
    case problem(FileProblem)
  }

  private var lastProblem: FileProblem?

  /// Watches a path, which need not lead to a file yet; larger files than `largest` bytes are not read.
  package init(path: String, largest: Int) {
    self.path = path
    self.largest = largest
  }

  /// Looks at the file, and reads it when it has changed since the last look. Blocks for the file system.
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
