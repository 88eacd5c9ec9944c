import Glibc

/// A file on disk that is read or written from its beginning to its end.
///
/// What is written stands under another name until it is whole: a crash leaves the file that was there before.
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
  /// The name that it has until it is whole; nil when it is read.
  private let temporaryPath: String?

  /// Opens a file to be read; nil when there is none.
  init?(reading path: String) throws(Failure) {
    self.path = path
    temporaryPath = nil
    descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      if errno == ENOENT { return nil }
      throw Failure("read", path)
    }
  }

  /// Begins a file that will take the place of `path`. Others than its owner may not read it: it says which prompts engines
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

  /// Bytes of a file that is read.
  func size() throws(Failure) -> Int {
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0 else { throw Failure("read", path) }
    return Int(status.st_size)
  }

  /// The next bytes: so many, or fewer at the end of the file.
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

  /// Adds bytes at the end.
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

  /// The file is whole: it takes its place.
  consuming func finish() throws(Failure) {
    guard let temporaryPath, fsync(descriptor) == 0, unsafe rename(temporaryPath, path) == 0 else {
      throw Failure("written", path)
    }
  }
}
