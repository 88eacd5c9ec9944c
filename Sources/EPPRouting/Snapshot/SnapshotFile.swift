import Glibc

/// A file that is read or written sequentially.
///
/// A file is written under a temporary name and renamed when it is complete: a crash leaves the previous file.
struct SnapshotFile: ~Copyable {
  /// Why a file could not be read or written; one line for the operator.
  struct Failure: Error, CustomStringConvertible {
    let description: String

    init(_ doing: String, _ path: String) {
      description = "\(path) cannot be \(doing): \(unsafe String(cString: strerror(errno)))"
    }
  }

  private let descriptor: Int32
  private let path: String
  /// The name while it is written; nil for a file that is read.
  private let temporaryPath: String?

  /// Opens a file for reading; nil when there is none.
  init?(reading path: String) throws(Failure) {
    self.path = path
    temporaryPath = nil
    descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      if errno == ENOENT { return nil }
      throw Failure("read", path)
    }
  }

  /// Creates a temporary file that will replace `path`. Only its owner may read it, because it shows which prompts engines
  /// hold.
  init(writing path: String) throws(Failure) {
    self.path = path
    let temporary = "\(path).\(getpid()).new"
    temporaryPath = temporary
    descriptor = unsafe open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw Failure("written", temporary) }
  }

  deinit {
    if descriptor >= 0 { close(descriptor) }
    // Gone when it has taken its place.
    if let temporaryPath { _ = unsafe unlink(temporaryPath) }
  }

  /// The size of a file that is read, in bytes.
  func size() throws(Failure) -> Int {
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0 else { throw Failure("read", path) }
    return Int(status.st_size)
  }

  /// Reads the next `count` bytes, or fewer at the end of the file.
  func read(_ count: Int, into bytes: inout [UInt8]) throws(Failure) {
    bytes.removeAll(keepingCapacity: true)
    if bytes.count < count { bytes.append(contentsOf: repeatElement(0, count: count)) }
    var done = 0
    while done < count {
      let result = unsafe bytes.withUnsafeMutableBytes { buffer in
        unsafe Glibc.read(descriptor, buffer.baseAddress?.advanced(by: done), count - done)
      }
      if result < 0, errno == EINTR { continue }
      guard result >= 0 else { throw Failure("read", path) }
      if result == 0 { break }
      done += result
    }
    bytes.removeLast(count - done)
  }

  /// Appends bytes.
  func write(_ bytes: RawSpan) throws(Failure) {
    var done = 0
    while done < bytes.byteCount {
      let result = unsafe bytes.withUnsafeBytes { buffer in
        unsafe Glibc.write(descriptor, buffer.baseAddress?.advanced(by: done), buffer.count - done)
      }
      if result < 0, errno == EINTR { continue }
      guard result >= 0 else { throw Failure("written", path) }
      done += result
    }
  }

  /// Flushes the file to disk and moves it to its place.
  consuming func finish() throws(Failure) {
    guard let temporaryPath, fsync(descriptor) == 0, unsafe rename(temporaryPath, path) == 0 else {
      throw Failure("written", path)
    }
  }
}
